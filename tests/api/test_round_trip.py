"""Objects equal files: what is read, written and read again is the same, for all that ships and for random specs."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

import sata
from sata.api.documents import arch_data, flow_text, mapping_document, yaml_text
from sata.specs import load
from sata.specs.formats import RankFormat, TensorFormat
from sata.specs.text.find import shipped
from sata.specs.text.source import read

from ..oracle import random_problems
from ..search.sparse_problems import random_sparse_problem

RANDOM = int(os.environ.get("SATA_ROUND_TRIPS", "60"))


def names(folder: str) -> list[str]:
    return sorted(path.relative_to(shipped(folder)).as_posix() for path in shipped(folder).rglob("*.yaml"))


@pytest.mark.parametrize("name", names("arch"))
def test_shipped_architectures(name: str) -> None:
    """As a document, and as an object written out anew."""
    spec = sata.Spec.load(f"arch/{name}")
    assert sata.Spec.load(spec.to_yaml()) == spec
    again = load(yaml_text({"arch": arch_data(spec.arch)})).arch
    assert again == spec.arch
    assert sata.Spec(arch=spec.arch, library=spec.library).arch == spec.arch


@pytest.mark.parametrize("name", names("workloads"))
def test_shipped_workloads(name: str) -> None:
    """Layers stay layers in the document; as an object the ops are the same, but for what training keeps."""
    spec = sata.Spec.load("arch/sata.yaml", f"workloads/{name}")
    assert spec.workload is not None
    assert sata.Spec.load(spec.to_yaml()) == spec
    made = sata.Spec(arch=spec.arch, workload=spec.workload).workload
    assert made is not None
    assert (made.name, made.ops, made.bits, made.timesteps, made.batch) == (
        spec.workload.name, spec.workload.ops, spec.workload.bits, spec.workload.timesteps, spec.workload.batch,
    )  # fmt: skip


@pytest.mark.parametrize("name", names("mappings"))
def test_shipped_mappings(name: str) -> None:
    mapping = load(mapping=f"mappings/{name}").mapping
    assert mapping is not None
    assert load(mapping=yaml_text({"mapping": mapping_document(mapping)})).mapping == mapping
    assert load(mapping={"mapping": mapping_document(mapping)}).mapping == mapping


def test_shipped_specs_cost_the_same() -> None:
    spec = sata.Spec.load("arch/sata.yaml", "workloads/one_conv.yaml")
    again = sata.Spec.load(spec.to_yaml())
    made = sata.Spec(arch=spec.arch, workload=spec.workload, library=spec.library)
    pattern = "conv2.forward"
    for other in (again, made):
        assert other.evaluate(ops=pattern).records == spec.evaluate(ops=pattern).records


def test_random_problems() -> None:
    """Ops, nests and machines of the dense oracle's generator."""
    for seed in range(RANDOM):
        problem = random_problems.random_problem(random.Random(seed))
        texts = random_problems.to_yaml(problem)
        spec = sata.Spec.load(*texts)
        assert sata.Spec.load(spec.to_yaml()) == spec, seed
        made = sata.Spec(arch=spec.arch, workload=spec.workload, mapping=spec.mapping, library=spec.library)
        assert (made.arch, made.workload, made.mapping) == (spec.arch, spec.workload, spec.mapping), seed
        assert sata.Spec.load(made.to_yaml()) == made, seed


def test_random_sparse_problems() -> None:
    """Rules, formats and densities of the search's generator."""
    for seed in range(RANDOM):
        spec = sata.Spec.load(*random_sparse_problem(random.Random(seed), False))
        assert sata.Spec.load(spec.to_yaml()) == spec, seed
        made = sata.Spec(arch=spec.arch, workload=spec.workload, library=spec.library)
        assert made == spec, seed


def test_random_machines() -> None:
    """Every field of every node, drawn as objects."""
    for seed in range(RANDOM):
        arch = random_arch(random.Random(seed))
        assert load({"arch": arch_data(arch)}).arch == arch, seed
        assert load(yaml_text({"arch": arch_data(arch)})).arch == arch, seed
        assert sata.Spec(arch=arch) == sata.Spec.load(sata.Spec(arch=arch).to_yaml()), seed


KINDS = ("weight", "spike", "current", "potential")
WORDS = ("a", "no", "1.5", "x: y", "é", "{b}", "true", "it's", "#", "0x1f", "1e3", "~", "a b")


def some(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(KINDS, rng.randint(1, 3)))


def random_arch(rng: random.Random) -> sata.Arch:
    nodes: list[sata.Memory | sata.Array | sata.Compute | sata.Branch] = [memory(rng, 0)]
    nodes += [rng.choice((memory, array))(rng, n) for n in range(1, rng.randint(1, 4))]
    ways = (compute(rng, 7), memory(rng, 8), compute(rng, 9))
    ends = sata.Branch(((ways[0],), (ways[1], ways[2]))) if rng.random() < 0.4 else compute(rng, 9)
    return sata.Arch(
        rng.choice(WORDS), (*nodes, ends), rng.choice([None, 28.0, 0.1 + 0.2, 32.5]), rng.choice([None, 4e8, 1e9 / 3]),
        rng.choice([(), ("sata_32nm",), ("my lib", "other.yaml")]),
    )  # fmt: skip


def memory(rng: random.Random, n: int) -> sata.Memory:
    keep = rng.choice([None, some(rng)])
    rest = tuple(kind for kind in some(rng) if kind not in (keep or ()))
    size = rng.choice([None, 1, 4096, 3 << 40])
    form = {kind: formats(rng) for kind in rng.sample(KINDS, rng.choice([0, 0, 1, 2]))}
    rules = [sata.Rule(effect, kind, some(rng)) for effect in ("skip", "gate") for kind in rng.sample(KINDS, 1)
             if rng.random() < 0.4]  # fmt: skip
    if rng.random() < 0.2:
        rules.append(sata.Rule("gate", "", ("weight", "spike"), True))
    rate = rng.choice([None, 64.0, 1 / 3])
    shared = rate is not None and rng.random() < 0.3
    stream = size is None or rng.random() < 0.5
    return sata.Memory(
        f"m{n}", rng.choice(WORDS), size, rng.choice([None, 8, 100]), 1 if stream else rng.randint(1, 4),
        rng.random() < 0.7, keep, rest if rest and rng.random() < 0.5 else None,
        sata.Bandwidth(rate, None if shared else rng.choice([None, 7.0]), shared), form, tuple(rules),
        rng.choice([{}, {"depth": 3, "text": rng.choice(WORDS), "share": 0.1}]),
        fit=0.5 if form and size is not None and rng.random() < 0.5 else None, stream=stream,
    )  # fmt: skip


def formats(rng: random.Random) -> TensorFormat:
    outer = [rng.choice([RankFormat("bitmask"), RankFormat("offsets", rng.choice([None, 7])), RankFormat("uncompressed")])
             for _ in range(rng.choice([0, 0, 1, 2]))]  # fmt: skip
    inner = rng.choice(
        [RankFormat("bitmask", values=False), RankFormat("run_length", 3), RankFormat("coordinate", 5, True)]
    )
    return TensorFormat((*outer, inner))


def array(rng: random.Random, n: int) -> sata.Array:
    shape = {axis: rng.randint(1, 9) for axis in rng.sample(["x", "y", "z"], rng.randint(1, 3))}
    return sata.Array(
        f"a{n}", shape, rng.choice(["none", "tile", "element"]), rng.random() < 0.5, rng.choice([None, "wire"]),
        rng.random() < 0.3, rng.choice([{}, {"length": "3 um"}]), trunk=rng.choice(["", *shape]),
    )  # fmt: skip


def compute(rng: random.Random, n: int) -> sata.Compute:
    gate = rng.choice([{}, {"": ("spike",)}, {"mac": ("weight",), "add": ("spike", "weight")}])
    return sata.Compute(
        f"c{n}", rng.choice(WORDS), gate, rng.choice([{}, {"": ("potential",)}, {"fire": ("current",)}])
    )


def test_values_of_yaml() -> None:
    """Whatever a file may hold is written so that it is read as the same."""
    values: list[object] = [*WORDS, "", " a", "a ", "-", "a: b", "- a", "2024-01-01", "\t", "\n", "\\", '"', "'", "[]",
                            0, -3, 1.5, 1e-12, 1e9, True, False, None, [], {}, [[]], {"a": {"b": [1, {"c": None}]}}]  # fmt: skip
    for value in [*values, values, {"k" * n: value for n, value in enumerate(values, 1)}]:
        text = yaml_text({"top": {"value": value, "long": ["word" * 5] * 8}})
        assert read(text, raw=lambda _: True).data["top"]["value"] == value, text
    with pytest.raises(sata.SpecError, match="cannot be written"):
        flow_text(float("nan"))
    with pytest.raises(sata.SpecError, match="a value of type PosixPath"):
        flow_text([Path()])
