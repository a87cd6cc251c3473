"""`sata.Spec` and what it gives, on texts and objects: no test here reads or writes a file of its own."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

import sata
from sata.api import search, spec, sweeps, tables, tools

from .study import ARCH, LIBRARY, TEXT, workload


@pytest.fixture(scope="module")
def study() -> sata.Spec:
    return sata.Spec.load(TEXT)


@pytest.fixture(scope="module")
def result(study: sata.Spec) -> sata.Result:
    return study.evaluate()


@pytest.fixture(scope="module")
def best(study: sata.Spec) -> sata.MapResult:
    return study.map(cache=False)


def test_objects_are_equal_to_text(study: sata.Spec) -> None:
    built = sata.Spec(arch=ARCH, workload=workload(), mapping=study.mapping, library=LIBRARY)
    assert (built.arch, built.workload) == (ARCH, workload())
    assert built == study
    assert built.evaluate().records == study.evaluate().records
    assert sata.Spec.load(built.to_yaml()) == built == sata.Spec.load(study.to_yaml())


def test_a_spec_of_values(study: sata.Spec) -> None:
    """Each part may be given as the value that its key has in a file."""
    nodes = [{"memory": "DRAM", "class": "store"}, {"compute": "PE", "class": "pe"}]
    nest = [{"ops": "*", "nest": [{"memory": "DRAM"}, {"for": "k *, c *"}, {"compute": "PE"}]}]
    made = sata.Spec(arch={"name": "two", "nodes": nodes}, workload=workload(), mapping=nest, library=LIBRARY)
    # 24 operations; weights and inputs are read 24 times each, sums are written 24 and read again 18 times
    assert made.evaluate().energy_pj("component") == {("DRAM",): 24 * 2 * 2 + 24 * 3 + 18 * 2, ("PE",): 12.0}


def test_counts_need_no_prices() -> None:
    """Dense counts and outcomes, without any library."""
    made = sata.Spec.load(TEXT).replace(arch={"arch": {"nodes": [
        {"memory": "DRAM", "class": "unknown"}, {"memory": "GLB", "class": "unknown", "keep": ["weight"]},
        {"array": "PEs", "shape": {"x": 2}}, {"compute": "PE", "class": "unknown", "gate": ["spike"]},
    ]}})  # fmt: skip
    counts = made.counts()
    assert counts == made.counts(ops="f*")
    computes = next(row for row in counts if row["event"] == "computes")
    assert computes == {"op": "fc", "layer": "fc", "stage": "forward", "node": "PE", "tensor": "", "kind": "",
                        "event": "computes", "dense": 24, "actual": 6.0, "gated": 18.0, "skipped": 0}  # fmt: skip
    fills = next(row for row in counts if (row["node"], row["tensor"], row["event"]) == ("GLB", "W", "fills"))
    assert fills["dense"] == 24
    assert list(counts.frame().columns) == list(counts.columns)


def test_counts_are_those_of_the_result(study: sata.Spec, result: sata.Result) -> None:
    dense = {(row["node"], row["tensor"], row["event"]): row["dense"] for row in study.counts()}
    for row in result.traffic:
        for event in ("fills", "reads", "updates", "drains", "merge_reads"):
            assert dense[row["memory"], row["tensor"], event] == row[event]
    for row in study.counts():
        assert row["actual"] + row["gated"] + row["skipped"] == row["dense"]  # type: ignore[operator]


@pytest.mark.parametrize("by", ["component", "op", "layer", "stage"])
def test_by_takes_one_field_or_several(result: sata.Result, by: str) -> None:
    assert result.energy_pj(by=by) == result.energy_pj(by=[by]) == result.energy_pj((by,))
    assert sum(result.energy_pj(by).values()) == pytest.approx(result.total_pj)
    assert result.uncertainty_pj(by=by) == result.uncertainty_pj(by=[by]) == {}
    rows = [sweep_row(by), sweep_row([by])]
    assert rows[0] == rows[1]


def sweep_row(by: str | list[str]) -> dict[str, object]:
    return dict(sata.Spec.load(TEXT).sweep({"density": [0.5]}, by=by)[0])


def test_uncertain_numbers_by_field() -> None:
    text = TEXT.replace("class: pe, energy", "class: pe, uncertainty: 10 %, energy")
    result = sata.Spec.load(text).evaluate()
    assert result.uncertainty_pj("component") == result.uncertainty_pj(["component"])
    assert result.uncertainty_pj("component")["PE",] == pytest.approx(0.1 * result.energy_pj("component")["PE",])
    with pytest.raises(KeyError, match="did you mean 'component'"):
        result.uncertainty_pj("componet")


def test_frames(result: sata.Result) -> None:
    for name in ("records", "ops", "traffic", "occupancy", "components", "prices", "nests", "tensors"):
        assert len(result.frame(name)) == len(getattr(result, name))
    assert result.frame("traffic")["reads"].sum() == sum(row["reads"] for row in result.traffic)
    with pytest.raises(KeyError, match="no table 'trafic' in a result; did you mean 'traffic'"):
        result.frame("trafic")


CHANGES: dict[str, Callable[[sata.Result], object]] = {
    "append": lambda r: r.records.append({}),
    "del": lambda r: r.ops.__delitem__(0),
    "add": lambda r: r.traffic.__iadd__([{}]),
    "sort": lambda r: r.kept.sort(),
    "item": lambda r: r.records.__setitem__(0, {}),
    "value": lambda r: r.records[0].__setitem__("energy_pj", 0.0),
    "update": lambda r: r.ops[0].update(cycles=0),
    "pop": lambda r: r.meta.pop("arch"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_results_are_not_changed(study: sata.Spec, change: str) -> None:
    result = study.evaluate()
    before = copy.deepcopy(result.to_dict())
    with pytest.raises(TypeError, match="not changed in place"):
        CHANGES[change](result)
    assert result.to_dict() == before


def test_nested_values_of_results_are_not_changed(result: sata.Result) -> None:
    def each(value: object) -> None:
        assert not isinstance(value, (list, dict)) or type(value).__name__.startswith("Frozen")
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            each(inner)

    for name in ("nests", "architecture", "tensors", "meta", "records", "ops", "components"):
        each(getattr(result, name))
    with pytest.raises(FrozenInstanceError):
        result.area_um2 = 0.0  # type: ignore[misc]


def test_results_pickle_copy_and_read_back(result: sata.Result, study: sata.Spec) -> None:
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert again.to_dict() == result.to_dict()
        with pytest.raises(TypeError):
            again.records.append({})
    assert pickle.loads(pickle.dumps(study)) == study
    mine = result.to_dict()
    mine["records"][0]["energy_pj"] = -1.0  # a copy of one's own
    assert result.records[0]["energy_pj"] >= 0


def test_specs_are_not_changed(study: sata.Spec) -> None:
    with pytest.raises(FrozenInstanceError):
        study.variables = {}  # type: ignore[misc]
    with pytest.raises(AttributeError):
        study.arch = ARCH  # type: ignore[misc]
    denser = study.replace(density=1.0)
    assert denser.workload == workload(1.0)
    assert study.workload == workload()
    assert study.replace(workload=workload(None)).workload == workload(None)
    assert study.replace(workload=workload()) == study.replace(arch=study.arch) == study


MISSPELT: dict[str, tuple[Callable[[sata.Spec], object], str]] = {
    "spec": (lambda s: sata.Spec(acrh=s.arch), r"Spec\(\) does not have an argument 'acrh'; did you mean 'arch'"),  # type: ignore[call-arg]
    "evaluate": (lambda s: s.evaluate(op="*"), "did you mean 'ops'"),  # type: ignore[call-arg]
    "counts": (lambda s: s.counts(opps="*"), "did you mean 'ops'"),  # type: ignore[call-arg]
    "explain": (lambda s: s.explain(opps="*"), "did you mean 'ops'"),  # type: ignore[call-arg]
    "map": (lambda s: s.map(objectiv="edp"), "did you mean 'objective'"),  # type: ignore[call-arg]
    "space": (lambda s: s.space(constraint="x"), "did you mean 'constraints'"),  # type: ignore[call-arg]
    "sweep": (lambda s: s.sweep({}, worker=2), "did you mean 'workers'"),  # type: ignore[call-arg]
    "plot": (lambda s: sata.plot("energy", colum="x"), "did you mean 'column'"),  # type: ignore[call-arg]
    "compare": (lambda s: sata.compare(s.evaluate(), s.evaluate(), eahc=()), "did you mean 'each'"),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("call", MISSPELT)
def test_misspelt_keywords_are_errors(study: sata.Spec, call: str) -> None:
    wrong, said = MISSPELT[call]
    with pytest.raises(TypeError, match=said):
        wrong(study)


WRONG: dict[str, tuple[Callable[[sata.Spec], object], str]] = {
    "variable": (lambda s: s.replace(densty=1), "no file declares the variable 'densty'; did you mean 'density'"),
    "argument": (lambda s: sata.Spec.load(TEXT, maping=1), "did you mean the argument 'mapping'"),
    "evaluate": (lambda s: sata.evaluate(TEXT, maping="x"), "did you mean the argument 'mapping'"),
    "objective": (lambda s: s.map(objective="enrgy"), "unknown objective 'enrgy'.*did you mean 'energy'"),
    "strategy": (lambda s: s.map(strategy="exat"), "no strategy 'exat'; did you mean 'exact'"),
    "varied": (lambda s: s.sweep({"densty": [1]}), "no file declares the variable 'densty'; did you mean 'density'"),
    "values": (lambda s: s.sweep({"density": "0.1"}), "density: expected a list of values"),
    "field": (lambda s: s.sweep({"density": [0.1]}, by="kid"), "unknown field 'kid'.*did you mean 'kind'"),
    "budget": (lambda s: s.sweep({"density": [0.1]}, budget=1.0), "'budget' and 'constraints' are of mapping"),
    "type": (lambda s: s.replace(workload=3), "workload: expected an object .* not int"),  # type: ignore[arg-type]
    "object": (lambda s: sata.Spec(arch=sata.Arch("x", (sata.Compute("PE", "pe"),))), r"arch\.nodes\[0\]\.compute: no"),
    "schema": (lambda s: sata.schema("archh"), "no schema 'archh'.*did you mean 'arch'"),
    "export": (lambda s: s.export("acelergy"), "unknown tool 'acelergy'.*did you mean 'accelergy'"),
    "import": (lambda s: sata.import_table("cacti", wdth="8 b"), "unknown option 'wdth'.*did you mean 'width'"),
    "nothing": (lambda s: sata.Spec(arch=ARCH).evaluate(), "no workload given"),
}


@pytest.mark.parametrize("call", WRONG)
def test_wrong_values_are_said_with_the_nearest_right_one(study: sata.Spec, call: str) -> None:
    wrong, said = WRONG[call]
    with pytest.raises(sata.SpecError, match=said):
        wrong(study)


def test_check_says_what_a_run_would(study: sata.Spec) -> None:
    assert study.check() == []
    small = study.replace(arch={"arch": {"name": "little", "libraries": ["book"], "nodes": [
        {"memory": "DRAM", "class": "store"}, {"memory": "GLB", "class": "store", "size": "8 b", "keep": ["weight"]},
        {"array": "PEs", "shape": {"x": 2}}, {"compute": "PE", "class": "pe"},
    ]}})  # fmt: skip
    faults = small.check()
    assert faults
    with pytest.raises(sata.SpecError) as error:
        small.evaluate()
    assert error.value.faults == faults


def test_maps(study: sata.Spec, best: sata.MapResult) -> None:
    assert best.proven
    assert best.gap == 0.0
    assert [row["op"] for row in best.points] == ["fc"]
    assert best.evaluate().total_pj == pytest.approx(best.energy_pj, rel=1e-12)
    assert best.energy_pj <= study.evaluate().total_pj
    under = study.replace(mapping=best.mapping)
    assert under.mapping == best.mapping
    assert under.evaluate().records == best.evaluate().records
    assert best.to_dict()["points"] == [{"label": "fc 0", "energy_pj": best.energy_pj, "cycles": best.cycles}]
    with pytest.raises(FrozenInstanceError):
        best.workload = ""  # type: ignore[misc]
    with pytest.raises(TypeError):
        best.answers["fc"] = None  # type: ignore[index]
    assert study.space()[0]["op"] == "fc"


def test_a_front_has_all_its_points(study: sata.Spec) -> None:
    front = study.map(objective="pareto", cache=False)
    pairs = [(row["energy_pj"], row["cycles"]) for row in front.points]
    assert pairs == sorted(pairs)
    assert sum(row["chosen"] is True for row in front.points) == 1
    assert front.evaluate().total_pj == pytest.approx(front.energy_pj)


def test_sweeps(study: sata.Spec) -> None:
    table = study.sweep({"density": [0.1, 0.5, 1.0], "arch": [study.arch, TEXT]}, by="stage")
    assert [row["density"] for row in table] == [0.1, 0.1, 0.5, 0.5, 1.0, 1.0]
    for row in table:
        density = row["density"]
        assert isinstance(density, float)
        assert row["energy_pj"] == study.replace(density=density).evaluate().total_pj
    assert table.pareto == (True, False, False, False, False, False)
    assert list(table.frame()[list(table.pareto)]["density"]) == [0.1]
    assert table.to_bytes("csv").startswith(b"point,label,status,pareto,density,arch,energy_pj")


def test_sweeps_that_map(study: sata.Spec, best: sata.MapResult) -> None:
    table = study.sweep({"density": [0.25]}, objective="energy", cache=False)
    assert (table[0]["proven"], table[0]["energy_pj"]) == (True, best.energy_pj)


def test_explanations_and_prices(study: sata.Spec) -> None:
    assert {row["rule"] for row in study.explain()} >= {"all rules"}
    prices = {(row["node"], row["quantity"]): row["value"] for row in study.prices()}
    assert prices["DRAM", "read"] == 2.0
    assert set(study.export()) == {"ert", "art"}


def test_what_needs_no_spec(result: sata.Result) -> None:
    assert {row["model"] for row in sata.models()} >= {"uniform", "blocks"}
    assert len(sata.formats()) > 3
    assert {row["library"] for row in sata.components()} > {"sata_32nm"}
    assert len(sata.shipped_files("arch")) > 1
    assert len(sata.layer_templates("lif_bptt")) == 1
    assert '"title": "arch"' in sata.schema("arch")
    assert sata.compare(result, result).data()


def test_old_names_work_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"write sata\.Spec\.load"):
        assert sata.load(TEXT).arch == ARCH
    with pytest.warns(DeprecationWarning, match=r"write sata\.Arch"):
        assert sata.Architecture is sata.Arch
    assert sata.evaluate(TEXT).total_pj == sata.Spec.load(TEXT).evaluate().total_pj
    assert sata.check(TEXT) == []


def _calls(value: object) -> list[object]:
    """A function itself; of a class its public methods, properties and class methods."""
    if not inspect.isclass(value):
        return [value]
    own = [v for name, v in vars(value).items() if not name.startswith("_")]
    return [v.fget if isinstance(v, property) else getattr(v, "__func__", v) for v in own]


def test_the_surface_is_typed() -> None:
    """No annotation of the public calls is `Any`, and none is missing."""
    homes = (spec, search, sweeps, tables, tools)
    public = [v for module in homes for n, v in vars(module).items()
              if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__]  # fmt: skip
    calls = [call for value in [*public, sata.Result] for call in _calls(value) if inspect.isfunction(call)]
    assert len(calls) > 60
    loose = []
    for call in calls:
        said = inspect.signature(call)
        marks = [p.annotation for name, p in said.parameters.items() if name not in ("self", "cls")]
        if any(mark is inspect.Signature.empty or "Any" in str(mark) for mark in [*marks, said.return_annotation]):
            loose.append(call.__qualname__)
    assert loose == []
