"""The last check of a search: the mapping that is written runs as a whole, and each op has its figures."""

from __future__ import annotations

from collections.abc import Mapping

from sata.evaluation import evaluate
from sata.search.answers.mapping_file import chosen, mapping_data
from sata.search.answers.verify import figures_differ, mistake, same_figures
from sata.search.model.answer import Answer
from sata.search.run.setup import SearchSetup
from sata.specs.text.faults import SpecError


def check_whole(setting: SearchSetup, answers: Mapping[str, Answer], ops: str | None = None) -> None:
    """Run the mapping that is written, whole, as `sata run` does: it is legal, and each op has its figures. ops: the
    pattern that chose them.

    Raises: SpecError if it does not run, or for the first op whose figures differ.
    """
    mapping = {"mapping": mapping_data(answers, setting.arch)}
    named = {op.name: op for op in setting.workload.ops}
    first = named[next(iter(answers))]
    try:
        ran = evaluate(*setting.sources, mapping, ops=ops, **setting.variables)
    except SpecError as error:
        raise SpecError([mistake(first, [fault.message for fault in error.faults])]) from None
    energies, cycles = ran.energy_pj(by=("op",)), {op["op"]: op["cycles"] for op in ran.ops}
    for name, answer in answers.items():
        point = chosen(answer)
        said, is_ = (point.energy_pj, point.cycles), (energies.get((name,), 0.0), cycles.get(name, 0.0))
        if not same_figures(said, is_):
            raise SpecError([mistake(named[name], [figures_differ(said, is_)])])
