"""The sparse cases survive in the user's formats, and the product counts what the oracle expects."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from sata.counts.op.results import OpCounts
from sata.evaluation import prepare
from sata.specs.text.faults import SpecError

from .product import structure_of
from .random_sparse import Case, random_sparse
from .sparse import Rule
from .sparse_product import compare, op_counts, sparse_yaml
from .undecided import correlated, undecided


def drawn(number: int) -> list[Case]:
    """Return the same cases every time; the product's files do not let a kind lead itself."""
    return [random_sparse(random.Random(seed), selves=False) for seed in range(number)]


def counted(number: int) -> Iterator[tuple[Case, OpCounts]]:
    """Yield the cases that the product does not refuse."""
    for case in drawn(number):
        try:
            yield case, op_counts(case)
        except SpecError as error:
            assert "modelled" in str(error)


def test_yaml_says_the_same() -> None:
    """Rules, densities, local tensors and what the compute looks at arrive in the product's own values."""
    for case in drawn(150):
        ((nest,),) = (group.nests for group in prepare(*sparse_yaml(case)).program.groups)
        found = {
            (level.memory.name, rule.effect, rule.follower, leader)
            for level in nest.levels
            for rule in level.memory.rules
            for leader in rule.leaders
        }
        wanted = {
            (r.memory, r.effect, f"kind_{r.follower}", f"kind_{n}") for r in case.sparsity.rules for n in r.leaders
        }
        assert found == wanted
        assert set(nest.compute.skips("")) == {f"kind_{name}" for name in case.sparsity.skip}
        assert set(nest.compute.gates("")) == {f"kind_{name}" for name in case.sparsity.gate}
        assert {t.name: t.density for t in nest.op.tensors if t.density is not None} == case.densities
        assert {t.name for t in nest.op.tensors if t.local} == {t.name for t in case.sparsity.local}
        for tensor in case.sparsity.local:
            dims = [(dict(dim.terms), dim.offset, dim.size) for dim in nest.op.tensor(tensor.name).dims]
            assert dims == [(dim.ranks, dim.offset, dim.size) for dim in tensor.dims]


def test_the_product_expects_the_same() -> None:
    """Every number but those that nobody's rule decides."""
    agreeing: Counter[str] = Counter()
    for case, counts in counted(200):
        roles = {t.name: t.role for t in case.problem.tensors}
        if correlated(case):
            continue
        left_out = undecided(case, *structure_of(case.problem))
        found = [d for d in compare(case, counts) if d.cell[:3] not in left_out]
        assert not found
        agreeing.update(
            {rule.effect for rule in case.sparsity.rules} | {roles[r.follower] for r in case.sparsity.rules}
        )
    assert all(agreeing[what] > 8 for what in ("skip", "gate", "input", "output")), agreeing


def test_compare_notices() -> None:
    """A gate for a skip, another density, another leader: each is seen."""
    noticed: Counter[str] = Counter()
    for case, counts in counted(100):
        if compare(case, counts):
            continue
        flip = {"skip": "gate", "gate": "skip"}
        rules = tuple(Rule(r.memory, r.follower, r.leaders, flip[r.effect]) for r in case.sparsity.rules)
        noticed["effect"] += bool(compare(replace(case, sparsity=replace(case.sparsity, rules=rules)), counts))
        noticed["density"] += bool(compare(replace(case, densities=dict.fromkeys(case.densities, 0.6)), counts))
        noticed["rules"] += bool(compare(replace(case, sparsity=replace(case.sparsity, rules=())), counts))
    assert all(noticed[what] > 8 for what in ("effect", "density", "rules")), noticed
