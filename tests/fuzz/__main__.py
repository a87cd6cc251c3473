"""`python -m tests.fuzz`: so many mutants, or so long; what is wrong with any of them is kept as a file."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("SATA_CACHE", tempfile.mkdtemp(prefix="sata-cache-"))

from tests.fuzz.run import fuzz
from tests.fuzz.seeds import seeds

RATE = 0.97


def main() -> None:
    """Ends with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--specs", type=int, default=20_000, help="mutants of YAML, CSV and templates")
    parser.add_argument("--traces", type=int, default=1_500, help="mutants of .npz")
    parser.add_argument("--seconds", type=float, help="no longer than about this, for both together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="one format only")
    parser.add_argument("--keep", help="a folder for the mutants that break a promise")
    given = parser.parse_args()
    keep = Path(given.keep).resolve() if given.keep else None
    os.chdir(tempfile.mkdtemp(prefix="sata-fuzz-"))
    failed = False
    for number, traces in ((given.specs, False), (given.traces, True)):
        chosen = [s for s in seeds() if (s.kind == "trace") == traces and given.kind in (None, s.kind)]
        if not chosen or not number:
            continue
        share = None if given.seconds is None else given.seconds * (0.2 if traces else 0.8)
        tally = fuzz(chosen, number, given.seed, share)
        print(f"{tally.mutants:,} mutants, {len(tally.wrong)} wrong, slowest {tally.slowest:.1f} s")
        for what, n in Counter(w[0] for w in tally.wrong).most_common(20):
            print(f"  {n} x {what}")
        for i, (what, seed, mutant, output) in enumerate(tally.wrong[:200]):
            print(f"  {seed.kind} {seed.name}: {what}; {mutant.what}: {output.strip()[:300]}") if i < 25 else None
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed.kind}-{i}-{Path(seed.name).name}").write_bytes(mutant.content)
        for kind, rate in tally.rates().items():
            print(f"  {kind}: {tally.said[kind]:,} mistakes said, {rate:.1%} at their place")
            for mutant, output in tally.lost[kind][: 6 if rate < RATE else 0]:
                print(f"    lost: {mutant.what} at {sorted(mutant.lines)[:6]}: {output.strip()[:240]}")
            failed = failed or (rate < RATE and tally.said[kind] > 200)
        failed = failed or bool(tally.wrong)
    sys.exit(int(failed))


main()
