"""Recurrent layers in the search: one loop over time above the split, and answers that a run accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import sata
from sata.cli import main
from sata.search.answers.codec import data_of, decoded
from sata.search.answers.fingerprint import fingerprint_of
from sata.search.answers.mapping_file import mapping_text
from sata.search.answers.reuse import still_holds
from sata.search.engine.cyclic import CycleTask, solve_cycle
from sata.search.engine.solve import Answer
from sata.search.model.enumerate import all_nests
from sata.search.model.exact import figures
from sata.search.model.problem import problem_of
from sata.search.run.setup import setup_of
from sata.search.run.workload import map_workload, search_units, selected, tasks_of
from sata.search.space.nests import nest_of, shape_of
from sata.search.space.storage_templates import storage_templates
from sata.specs.text.faults import SpecError


def arch(leakage: str = "0 mW", size: str = "24 B") -> dict[str, Any]:
    library = {"name": "book", "components": [
        {"class": "m", "energy": {"read": "20 pJ", "write": "20 pJ"}, "area": "0 um2", "leakage": leakage},
        {"class": "s", "energy": {"read": "1 pJ", "write": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"},
        {"class": "pe", "energy": {"accumulate": "1 pJ", "fire": "1 pJ"}, "area": "0 um2", "leakage": "0 mW"},
    ]}  # fmt: skip
    nodes = [{"memory": "DRAM", "class": "m"}, {"memory": "BUF", "class": "s", "size": size},
             {"array": "A", "shape": {"x": 2}}, {"compute": "PE", "class": "pe"}]  # fmt: skip
    return {"arch": {"name": "a", "clock": "1 GHz", "libraries": ["book"], "nodes": nodes}, "library": library}


def net(k: int = 4, *, layer: str = "h", **kinds: Any) -> dict[str, Any]:
    """A feedforward product, a recurrent one, neurons, and a reader of their spikes."""
    spikes = {"kind": "spike", "density": 0.25}
    ops: list[dict[str, Any]] = [
        {"name": "h.forward", "layer": "h", "action": "accumulate", "ranks": {"t": 3, "k": k, "c": 2},
         "compute": "X[t,k] += W[k,c] * S[t,c]",
         "tensors": {"W": {"kind": "weight"}, "S": spikes, "X": {"kind": "current"}}},
        {"name": "h.rec", "layer": layer, "action": "accumulate", "ranks": {"t": 3, "k": k, "c": k},
         "compute": "X[t,k] += V[k,c] * S'[t-1,c]",
         "tensors": {"V": {"kind": "weight"}, "S'": {**spikes, "shape": [3, k]}, "X": {"kind": "current", "initialised": True}}},
        {"name": "h.fire", "layer": "h", "action": "fire", "sequential": ["t"], "ranks": {"t": 3, "k": k},
         "compute": "U[k], S'[t,k] = lif(X[t,k])",
         "tensors": {"X": {"kind": "current"}, "U": {"kind": "potential"}, "S'": spikes}},
    ]  # fmt: skip
    if layer != "h":
        ops[1]["tensors"]["X"]["of"], ops[1]["tensors"]["S'"]["of"] = "h.X", "h.S'"
    return {"workload": {"bits": {"weight": 8, "spike": 1, "current": 8, "potential": 8}, "ops": ops, **kinds}}


def cycle(machine: Any, objective: str = "energy") -> CycleTask:
    setting = setup_of(machine, net())
    tasks, _ = tasks_of(setting, search_units(setting, setting.workload.ops, fuse=2), objective, [], ragged=False)
    (task,) = [task for task in tasks if isinstance(task, CycleTask)]
    return task


@pytest.fixture(scope="module")
def answer() -> Answer:
    return solve_cycle(cycle(arch()))


@pytest.mark.parametrize("objective", ["energy", "cycles", "edp"])
def test_a_run_of_what_is_found_has_its_figures(objective: str) -> None:
    machine = arch(leakage="1 mW")
    setting = setup_of(machine, net())
    found = map_workload(setting, objective, workers=1)
    assert list(found) == ["h.forward", "h.rec", "h.fire"]
    ran = sata.evaluate(machine, net(), mapping_text(found, setting.arch, ["test"]))
    energy = ran.energy_pj(by=("op",))
    for op in ran.ops:
        point = found[op["op"]].points[0]
        assert energy[op["op"],] == pytest.approx(point.energy_pj, rel=1e-12)
        assert op["cycles"] == point.cycles
        assert op["group"] == ("h.forward" if op["op"] == "h.forward" else "h.rec+h.fire")


def test_each_op_has_the_best_of_all_nests_with_the_loop_outermost(answer: Answer) -> None:
    """Without leakage and in energy the ops are for themselves: the least of every enumerated nest that begins so."""
    task = cycle(arch())
    for op, member in zip(task.ops, answer.members, strict=True):
        least = float("inf")
        bare = replace(task.parts()[0].constraints, factors={}, first={})
        for template in storage_templates(task.arch, op, task.on.prices, bare):
            for loops in all_nests(problem_of(template, task.on, bare, False, {})):
                outer = [loop for loop in loops if loop.rank == "t"]
                if [loops[0]] == outer and outer[0].item == 0 and outer[0].factor == 3:
                    nest = nest_of(template, loops)
                    energy, _, fits = figures(nest, *shape_of(nest), task.on)
                    least = min(least, energy if fits else least)
        assert member.points[0].energy_pj == pytest.approx(least, rel=1e-12)
    assert answer.proven
    assert answer.fusion is not None
    assert answer.fusion.loops == (("t", 3),)


def test_an_answer_from_elsewhere_is_scored_again(answer: Answer) -> None:
    task = cycle(arch())
    back = decoded(Answer, data_of(answer))
    assert back == answer
    assert still_holds(task, answer)
    one, two = answer.members
    cheaper = replace(two, points=(replace(two.points[0], energy_pj=two.points[0].energy_pj - 1),))
    assert not still_holds(task, replace(answer, members=(one, cheaper)))
    turned = replace(one.points[0], loops=one.points[0].loops[::-1])
    assert not still_holds(task, replace(answer, members=(replace(one, points=(turned,)), two)))
    assert fingerprint_of(task) != fingerprint_of(replace(task, rest=(replace(task.constraints, compute="PE"),)))


def test_the_command_maps_a_recurrent_layer(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({**arch(), **net()}))
    said = CliRunner().invoke(main, ["map", "a.yaml", "--no-cache", "--no-fuse", "--ops", "h.rec", "-o", "m.yaml"])
    assert said.exit_code == 0, said.output
    assert "fused below DRAM, t 3, proven" in said.output
    text = (tmp_path / "m.yaml").read_text()
    assert "h.rec and h.fire: a cycle over t 3, a loop right below DRAM" in text
    ran = CliRunner().invoke(main, ["run", "a.yaml", "a.yaml", "m.yaml", "--ops", "h.rec"])
    assert ran.exit_code == 0, ran.output


def test_an_order_of_time_outermost_beats_nothing_illegal() -> None:
    """The recurrent product by itself would be cheaper with its weights read once; that order is not legal."""
    setting = setup_of(arch(size="8 B"), net())
    found = map_workload(setting, workers=1)
    task = next(t for t in tasks_of(setting, [tuple(selected(setting, "h.rec"))], "energy", [], ragged=False)[0])
    assert isinstance(task, CycleTask)
    weights = 3 * 16 * 20  # read from DRAM every step: they do not fit further in
    assert found["h.rec"].points[0].energy_pj > weights


def test_layers_that_cannot_share_a_nest_are_named() -> None:
    setting = setup_of(arch(), net(layer="g"))
    with pytest.raises(SpecError) as error:
        map_workload(setting, workers=1)
    assert "h.rec -X-> h.fire -S'-> h.rec is a cycle over t" in str(error.value)
    assert "of different layers" in str(error.value)


def test_a_cycle_that_does_not_fit_says_so() -> None:
    machine = arch()
    machine["arch"]["nodes"][0]["size"] = "32 B"
    setting = setup_of(machine, net())
    with pytest.raises(SpecError) as error:
        map_workload(setting, workers=1, ops="h.rec")
    assert "h.rec -X-> h.fire -S'-> h.rec is a cycle over t" in str(error.value)


def test_a_cycle_of_one_op_needs_no_split() -> None:
    """Neurons that read their own spike of the step before."""
    workload = net()
    fire = workload["workload"]["ops"][2]
    fire["compute"] = "U[k], S'[t,k] = alif(X[t,k], L[t-1,k])"
    fire["tensors"]["L"] = {"kind": "spike", "density": 0.25, "shape": [3, 4], "of": "h.S'"}
    del workload["workload"]["ops"][1]
    setting = setup_of(arch(), workload)
    found = map_workload(setting, workers=1)
    text = mapping_text(found, setting.arch, ["test"])
    assert "split" not in text
    ran = sata.evaluate(arch(), workload, text)
    assert ran.energy_pj(by=("op",))["h.fire",] == pytest.approx(found["h.fire"].points[0].energy_pj, rel=1e-12)


def test_what_is_left_of_a_cycle_still_runs_step_by_step() -> None:
    def run(loops: str) -> sata.Result:
        nest = [{"memory": "DRAM"}, {"for": loops}, {"compute": "PE"}]
        entries = [{"ops": "h.fire", "omit": "not counted"}, {"ops": "*", "nest": nest}]
        return sata.evaluate(arch(), net(), {"mapping": entries})

    assert run("t *, k *, c *").records
    with pytest.raises(SpecError) as error:
        run("k *, t *, c *")
    assert "without 'h.fire' its loops still stand outermost" in str(error.value)
