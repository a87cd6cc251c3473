"""What is wrong with options and templates, said at its place: the whole line is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sata.specs import source
from sata.specs.faults import Faults
from sata.specs.workload import parse_workload

from .bad import FIRST, HEAD, faults_of


def with_options(options: str, template: str = "lif_bptt") -> list[str]:
    text = HEAD.replace("lif_bptt", template).replace("  layers:\n", f"  options: {{{options}}}\n  layers:\n")
    return faults_of(f"{text}  {FIRST}")


OPTIONS = {
    "optimiser: sgd": "<text>:6:13: workload.options.optimiser: the template templates/lif_bptt.yaml has no option "
                      "'optimiser'; did you mean 'optimizer'?",
    "optimizer: sdg": "<text>:6:24: workload.options.optimizer: options.optimizer: sdg is not one of sgd, momentum, "
                      "adam; did you mean 'sgd'?",
    "leak: 1": "<text>:6:19: workload.options.leak: options.leak: 1 is not one of true, false",
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_options(options: str) -> None:
    assert with_options(options) == [OPTIONS[options]]


def test_unknown_template() -> None:
    assert faults_of(HEAD.replace("lif_bptt", "lif_btpp") + "  " + FIRST) == [
        "<text>:4:13: workload.template: there is no template 'lif_btpp'; did you mean 'lif_bptt'? "
        "(or give a file: lif_btpp.yaml)"
    ]


def test_a_twin_ignores_the_options_of_the_other_by_name_only() -> None:
    text = HEAD.replace("lif_bptt", "ann_training").replace(
        "  layers:\n", "  options: {reset: soft, leek: true}\n  layers:\n"
    )
    assert faults_of(f"{text}  {FIRST}") == [
        "<text>:6:26: workload.options.leek: the template templates/ann_training.yaml has no option 'leek'; "
        "did you mean 'leak'?"
    ]


HEADER = "template:\n  about: mine\n  options:\n    mode: {values: [a, b], about: which}\n---\n"
OP = """- name: "{{ layer.name }}.forward"
  stage: forward
  action: accumulate
  ranks: {{ layer.ranks }}
  compute: "X[{{ layer.X }}] += W[{{ layer.W }}] * S[{{ layer.S }}]"
  tensors:
    W: {kind: weight}
    S: {kind: spike, shape: {{ layer.S_shape }}}
    X: {kind: current}
"""


def with_template(text: str, tmp_path: Path, name: str = "mine.yaml") -> list[str]:
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "net.yaml").write_text(HEAD.replace("lif_bptt", name) + "  " + FIRST)
    doc = source.read(str(tmp_path / "net.yaml"))
    faults = Faults()
    parse_workload(doc, faults)
    return [str(fault).replace(str(tmp_path) + "/", "") for fault in faults]


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    assert with_template(HEADER + OP, tmp_path) == []


BROKEN: dict[str, tuple[str, str]] = {
    "undefined": (HEADER + OP.replace("layer.W }", "layer.Wx }"),
                  "the template fails for layer 'a': mine.yaml:10: there is no 'Wx'; did you mean 'W'?"),
    "undefined_name": (HEADER + "# {{ lair }}\n" + OP,
                       "the template fails for layer 'a': mine.yaml:6: 'lair' is undefined; did you mean 'layer'?"),
    "jinja_syntax": (HEADER + OP + "{% if layer.fires %}\n",
                     "mine.yaml:15: Unexpected end of template. Jinja was looking for the following tags: "
                     "'elif' or 'else' "
                     "or 'endif'. The innermost block that needs to be closed is 'if'."),
    "renders_no_yaml": (HEADER + OP.replace("W: {kind: weight}", "W: {kind: weight"),
                        "the template fails for layer 'a': mine.yaml: what it renders is no YAML at 'S: {kind: spike, "
                        "shape: [2, 4, 8, 8]}': did not find expected ',' or '}'"),
    "no_ops": (HEADER + "name: x\n", "the template fails for layer 'a': mine.yaml: must render to a list of "
                                     "ops, each a mapping"),
    "no_header": (OP, "mine.yaml: has no line '---' between the header (`template:`) and the ops"),
    "header_key": (HEADER.replace("about: mine", "abuot: mine") + OP,
                   "mine.yaml: unknown key 'abuot' in the header; did you mean 'about'?"),
    "header_type": (HEADER.replace("about: mine", "timesteps: one") + OP,
                    "mine.yaml: 'timesteps' in the header must be a whole number"),
    "odd_key": (HEADER + OP.replace("W: {kind: weight}", "1: {kind: weight}"),
                "the template fails for layer 'a': mine.yaml: op a.forward: the key 1 is no text"),
    "header_yaml": ("template: {\n---\n" + OP, "mine.yaml:2: the header is no YAML: expected the node content, "
                                               "but found '<stream end>'"),
    "python_objects": (HEADER + "# {{ layer.name.__class__ }}\n" + OP,
                       "the template fails for layer 'a': mine.yaml:6: access to attribute '__class__' of 'str' "
                       "object is unsafe."),
    "concatenation": (HEADER + "{% set x = layer.name ~ layer.name %}\n" + OP,
                      "mine.yaml:6: '~' is not available here; write the values side by side"),
    "growth": (HEADER + "{% set x = layer.name * 1000000000 %}\n" + OP,
               "the template fails for layer 'a': mine.yaml:6: '*' works on numbers of 62 bits"),
    "no_tensors": (HEADER + "- {name: x, action: y}\n",
                   "the template fails for layer 'a': mine.yaml: an op needs a name and tensors: {'name': 'x', 'action': 'y'}"),
    "header_is_a_list": ("- template\n---\n" + OP, "mine.yaml:1: the header must be a mapping below the key 'template'"),
    "option_without_values": (HEADER.replace("values: [a, b], ", "") + OP,
                              "mine.yaml: option 'mode' needs 'values: [...]', and a default among them"),
    "option_of_another_default": (HEADER.replace("values: [a, b]", "values: [a, b], default: c") + OP,
                                  "mine.yaml: option 'mode' needs 'values: [...]', and a default among them"),
    "power": (HEADER + "{% set x = 2 ** 3 %}\n" + OP,
              "the template fails for layer 'a': mine.yaml:6: '**' is not available here"),
    "call": (HEADER + "{% set x = layer() %}\n" + OP,
             "the template fails for layer 'a': mine.yaml:6: only macros can be called"),
    "shipped_part": (HEADER + '{% include "parts/forward.yaml" %}\n',
                     "the template fails for layer 'a': templates/parts/forward.yaml:6: 'op' is undefined"),
    "outside_include": (HEADER + '{% include "../secret.yaml" %}\n' + OP,
                        "the template fails for layer 'a': mine.yaml:6: ../secret.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_templates(name: str, tmp_path: Path) -> None:
    text, said = BROKEN[name]
    (found,) = with_template(text, tmp_path)
    assert found.endswith(f": {said}"), found


def test_templates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00---\n")
    (tmp_path / "large.yaml").write_bytes(b"# \n" * 400_000)
    for name, says in (
        ("folder.yaml", "the template 'folder.yaml' cannot be read: is a directory"),
        ("binary.yaml", "binary.yaml: is not UTF-8 text"),
        ("large.yaml", "large.yaml: is larger than 1048576 bytes"),
        ("'a\\0.yaml'".replace("'", '"'), "the template's name is no name for a file"),
        ("gone.yaml", "the template 'gone.yaml' is no file in '"),
        ("../gone.yaml", "the template '../gone.yaml' is outside the folder of the workload and the current one"),
    ):
        (found,) = with_template(HEADER + OP, tmp_path, name)
        assert found.startswith(f"net.yaml:4:13: workload.template: {says}"), found


def test_a_part_of_ones_own_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("\n{{ nothing }}\n")
    (found,) = with_template(HEADER + '{% include "part.yaml" %}\n' + OP, tmp_path)
    assert found.endswith("part.yaml:2: 'nothing' is undefined"), found


def test_a_template_that_renders_without_end(tmp_path: Path) -> None:
    text = HEADER + "{% for a in layer.S_shape %}" * 4 + "y" * 100_000 + "{% endfor %}" * 4 + OP
    (found,) = with_template(text, tmp_path)
    assert "renders to more than 1048576 characters" in found


def test_a_template_that_doubles_without_end(tmp_path: Path) -> None:
    text = HEADER + "{% set x %}" + "y" * 1000 + "{% endset %}\n" + "{% set x %}{{ x }}{{ x }}{% endset %}\n" * 40 + OP
    (found,) = with_template(text, tmp_path)
    assert "a text has more than 1048576 characters" in found


def test_an_op_that_is_wrong_points_at_the_layer(tmp_path: Path) -> None:
    assert with_template(HEADER + OP.replace("accumulate\n", "accumulate\n  actoin: x\n"), tmp_path) == [
        "net.yaml:7:5: workload.layers[0] -> a.forward.actoin: unknown key 'actoin', expected one of: "
        "name, layer, stage, action, ranks, sequential, compute, tensors; did you mean 'action'?"
    ]


def test_templates_stay_inside_their_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "mine.yaml").write_text(HEADER + OP)
    (tmp_path / "inner" / "net.yaml").write_text(HEAD.replace("lif_bptt", "../mine.yaml") + "  " + FIRST)
    faults = Faults()
    parse_workload(source.read(str(tmp_path / "inner" / "net.yaml")), faults)
    (found,) = (fault.message for fault in faults)
    assert found == "the template '../mine.yaml' is outside the folder of the workload and the current one"


def test_a_missing_template_file(tmp_path: Path) -> None:
    (found,) = with_template(HEADER + OP, tmp_path, "mien.yaml")
    assert found.endswith("did you mean 'mine.yaml'?"), found


def test_bits_that_follow_from_others() -> None:
    data: dict[str, Any] = {"template": "ann_inference", "bits": {"current": 16},
                            "layers": [{"name": "a", "linear": {"input": 3, "out": 3}}]}  # fmt: skip
    faults = Faults()
    assert parse_workload(source.read({"workload": data}), faults) is None
    (found,) = (f"{fault.message}; {fault.hint}" for fault in faults)
    assert found.startswith("the bits of 'activation' follow from others in templates/ann_inference.yaml: ")
    assert found.endswith("; say bits: {activation: 8}")


def test_the_template_of_the_documentation_works(tmp_path: Path) -> None:
    docs = (Path(__file__).resolve().parents[2] / "docs" / "templates.md").read_text()
    example = next(part for part in docs.split("```yaml\n") if part.startswith("# file: if_local.yaml")).split("```")[0]
    assert with_template(example, tmp_path) == []
