"""What is wrong with options and templates, said at its place: the whole line is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sata.specs.text import source
from sata.specs.text.faults import Faults
from sata.specs.workload.workload import parse_workload

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


LAYER = ", for layer 'a' (net.yaml:7)"
BROKEN: dict[str, tuple[str, str | None]] = {
    "undefined": (HEADER + OP.replace("layer.W }", "layer.Wx }"),
                  f"mine.yaml:10:44: there is no 'Wx'{LAYER}; did you mean 'W'?"),
    "undefined_name": (HEADER + "# {{ lair }}\n" + OP, f"mine.yaml:6:6: 'lair' is undefined{LAYER}; did you mean 'layer'?"),
    "jinja_syntax": (HEADER + OP + "{% if layer.fires %}\n", "mine.yaml:15:1: the template ends inside a 'if'; write {% endif %}"),
    "unknown_statement": (HEADER + "{% fro x in layer.S_shape %}\n" + OP, "mine.yaml:6:1: Encountered unknown tag 'fro'"),
    "renders_no_yaml": (HEADER + OP.replace("W: {kind: weight}", "W: {kind: weight"),
                        f"mine.yaml:13:6: not valid YAML: did not find expected ',' or '}}'{LAYER}"),
    "no_ops": (HEADER + "name: x\n", f"mine.yaml:6:1: must render to a list of ops, each a mapping; it is a mapping{LAYER}"),
    "no_op": (HEADER + OP + "- text\n", f"mine.yaml:15:3: an op is a mapping, this is 'text'{LAYER}"),
    "no_header": (OP, "mine.yaml:1:1: has no line '---' between the header (`template:`) and the ops"),
    "header_key": (HEADER.replace("about: mine", "abuot: mine") + OP,
                   "mine.yaml:2:3: unknown key 'abuot' in the header; did you mean 'about'?"),
    "header_type": (HEADER.replace("about: mine", "timesteps: one") + OP,
                    "mine.yaml:2:14: 'timesteps' in the header must be a whole number, not 'one'"),
    "header_steps": (HEADER.replace("about: mine", "timesteps: 0") + OP,
                     "mine.yaml:2:14: 'timesteps' in the header must be at least 1, not 0"),
    "header_yaml": ("template: {\n---\n" + OP, "mine.yaml:2:1: not valid YAML: did not find expected node content"),
    "header_kinds": (HEADER.replace("about: mine", "kinds: [a, 2]") + OP,
                     "mine.yaml:2:14: 'kinds' in the header is a list of names, not the number 2"),
    "header_bits": (HEADER.replace("about: mine", "bits: {x: [1]}") + OP,
                    "mine.yaml:2:13: the bits of 'x' are a whole number or an expression, not a list"),
    "header_bits_half": (HEADER.replace("about: mine", 'bits: {x: "{{ bits.weight / 3 }}"}') + OP,
                         "mine.yaml:2:13: the bits of 'x' are a whole number of at least 1, not the number 2.6666666666666665"),
    "header_bool": (HEADER.replace("about: mine", "about: !!bool maybe") + OP, None),
    "python_objects": (HEADER + "# {{ layer.name.__class__ }}\n" + OP,
                       f"mine.yaml:6:17: values have no attributes or methods such as '__class__'{LAYER}"),
    "concatenation": (HEADER + "{% set x = layer.name ~ layer.name %}\n" + OP,
                      "mine.yaml:6:1: '~' is not available here; write the values side by side"),
    "block": (HEADER + "{% block x %}{% endblock %}\n" + OP,
              "mine.yaml:6:1: a template has if, for, set, with, include, import and macro only"),
    "growth": (HEADER + "{% set x = layer.name * 1000000000 %}\n" + OP, f"mine.yaml:6:1: '*' works on numbers of 62 bits{LAYER}"),
    "no_tensors": (HEADER + "- {name: x, action: y}\n", f"mine.yaml:6:3: an op needs tensors{LAYER}"),
    "tensors_list": (HEADER + "- {name: x, tensors: []}\n", f"mine.yaml:6:22: 'tensors' of an op is a mapping, not a list{LAYER}"),
    "stage_list": (HEADER + "- {name: x, tensors: {}, stage: [1]}\n", f"mine.yaml:6:33: 'stage' of an op is text, not a list{LAYER}"),
    "header_is_a_list": ("- template\n---\n" + OP, "mine.yaml:1:1: the header must be a mapping below the key 'template'"),
    "option_without_values": (HEADER.replace("values: [a, b], ", "") + OP,
                              "mine.yaml:4:11: option 'mode' needs 'values: [...]', and a default among them"),
    "option_of_another_default": (HEADER.replace("values: [a, b]", "values: [a, b], default: c") + OP,
                                  "mine.yaml:4:11: option 'mode' needs 'values: [...]', and a default among them"),
    "option_key": (HEADER.replace("about: which", "abuot: which") + OP,
                   "mine.yaml:4:28: unknown key 'abuot' of an option; did you mean 'about'?"),
    "power": (HEADER + "{% set x = 2 ** 3 %}\n" + OP, f"mine.yaml:6:1: '**' is not available here{LAYER}"),
    "call": (HEADER + "{% set x = layer() %}\n" + OP, f"mine.yaml:6:1: only macros can be called{LAYER}"),
    "shipped_part": (HEADER + '{% include "parts/forward.yaml" %}\n',
                     f"templates/parts/forward.yaml:6:30: 'op' is undefined{LAYER}"),
    "outside_include": (HEADER + '{% include "../secret.yaml" %}\n' + OP,
                        f"mine.yaml:6:1: '../secret.yaml' lies outside the folder of the template, the current one and the shipped ones{LAYER}"),
    "no_part": (HEADER + '{% include "gone.yaml" %}\n' + OP,
                f"mine.yaml:6:1: there is no part 'gone.yaml' beside the template or among the shipped ones{LAYER}"),
    "words_of_python": (HEADER + "# {{ layer.S_shape - 1 }}\n" + OP, f"mine.yaml:6:3: '-' does not work on a list and a number{LAYER}"),
    "not_a_list": (HEADER + "{% for x in 3 %}{% endfor %}\n" + OP, f"mine.yaml:6:1: a number has no elements{LAYER}"),
    "tag": (HEADER + OP.replace("accumulate", "!!bool maybe"), None),
    "second": (HEADER + OP + "---\n" + OP, f"mine.yaml:15:1: a second document starts here; one file holds one document{LAYER}"),
    # limits
    "turns": (HEADER + "{% for a in layer.S_shape %}" * 9 + "{% endfor %}" * 9 + "\n" + OP,
              f"mine.yaml:6:1: more than 100,000 turns of loops, calls and includes{LAYER}"),
    "turns_of_text": (HEADER + '{% set s = "' + "a" * 60 + '" %}' + "{% for a in s %}" * 5 + "{% endfor %}" * 5 + "\n" + OP,
                      f"mine.yaml:6:1: more than 100,000 turns of loops, calls and includes{LAYER}"),
    "recursion": (HEADER + "{% macro m(n) %}{{ m(n - 1) }}{% endmacro %}{{ m(5) }}\n" + OP,
                  f"mine.yaml:6:1: macros or parts call each other without end{LAYER}"),
    "calls": (HEADER + "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}\n" + OP,
              f"mine.yaml:6:1: more than 100,000 turns of loops, calls and includes{LAYER}"),
    "aliases": (HEADER + OP + "  x:\n    b0: &a0 [" + "x," * 60 + "]\n"
                + "".join(f"    b{n}: &a{n} [" + f"*a{n - 1}," * 60 + "]\n" for n in range(1, 6)),
                f"mine.yaml:18:230: more than 200000 values once aliases are expanded{LAYER}"),
    "replace": (HEADER + '{% set x = "' + "a" * 2000 + '" %}{% set x = x | replace("a", x) %}\n' + OP,
                f"mine.yaml:6:1: a text has more than 1048576 characters{LAYER}"),
    "join": (HEADER + '{% set x = "' + "a" * 2000 + '" %}{% set x = [x, x] | join(x) %}' + "{% set x = [x, x] | join(x) %}" * 9 + "\n" + OP,
             f"mine.yaml:6:1: a text has more than 1048576 characters{LAYER}"),
    "sum": (HEADER + "{% set x = [[1]] | sum(start=[]) %}\n" + OP, f"mine.yaml:6:1: sum adds numbers only{LAYER}"),
    "lists": (HEADER + "{% set x = [1, 2] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}\n" + OP,
              f"mine.yaml:6:1: a list has more than 10000 elements{LAYER}"),
    "written_in_vain": (HEADER + "{% set t %}" + "y" * 1000 + "{% endset %}{% for a in layer.S_shape %}{% for b in layer.S_shape %}"
                        "{% for c in layer.S_shape %}{% for d in layer.S_shape %}{% for e in layer.S_shape %}{% set x %}"
                        + "{{ t }}" * 100 + "{% endset %}" + "{% endfor %}" * 5 + "\n" + OP,
                        f"mine.yaml:6:1: it writes more than 16,777,216 characters{LAYER}"),
    "brackets": (HEADER + "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}\n" + OP,
                 "mine.yaml:6:62: more than 60 brackets inside each other"),
    "deep": (HEADER + "{% if layer.fires %}" * 3000 + "{% endif %}" * 3000 + OP,
             "mine.yaml: loops, conditions or expressions are nested too deeply"),
    "deep_yaml": (HEADER + OP + "  x: " + "[" * 59 + "]" * 59 + "\n", f"mine.yaml:15:64: nested more than 60 levels deep{LAYER}"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_templates(name: str, tmp_path: Path) -> None:
    text, said = BROKEN[name]
    found = with_template(text, tmp_path)
    if said is None:  # a tag of YAML that our reader takes for text
        assert found == [] or all(line.startswith("mine.yaml:") for line in found)
    else:
        assert found == [said]


def test_templates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00---\n")
    (tmp_path / "large.yaml").write_bytes(b"# \n" * 400_000)
    for name, says in (
        ("folder.yaml", "net.yaml:4:13: workload.template: 'folder.yaml' is a directory, a file is expected"),
        ("binary.yaml", "binary.yaml:1:1: is not UTF-8 text"),
        ("large.yaml", "large.yaml: is larger than 1048576 bytes"),
        ('"a\\0.yaml"', "net.yaml:4:13: workload.template: 'a\\x00.yaml' must be a relative file name"),
        ("gone.yaml", "net.yaml:4:13: workload.template: no such file 'gone.yaml'"),
        ("../gone.yaml", "net.yaml:4:13: workload.template: '../gone.yaml' lies outside the folder of the file that names it, the "
                         "current folder and the shipped ones"),
    ):  # fmt: skip
        (found,) = with_template(HEADER + OP, tmp_path, name)
        assert found == says, found


def test_a_part_of_ones_own_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("\n{{ nothing }}\n")
    (found,) = with_template(HEADER + '{% include "part.yaml" %}\n' + OP, tmp_path)
    assert found == f"part.yaml:2:4: 'nothing' is undefined{LAYER}", found


def test_a_template_that_renders_without_end(tmp_path: Path) -> None:
    text = HEADER + "{% for a in layer.S_shape %}" * 4 + "y" * 100_000 + "{% endfor %}" * 4 + OP
    (found,) = with_template(text, tmp_path)
    assert "renders to more than 1048576 characters" in found


def test_a_template_that_doubles_without_end(tmp_path: Path) -> None:
    text = HEADER + "{% set x %}" + "y" * 1000 + "{% endset %}\n" + "{% set x %}{{ x }}{{ x }}{% endset %}\n" * 40 + OP
    (found,) = with_template(text, tmp_path)
    assert "a text has more than 1048576 characters" in found


def test_an_op_that_is_wrong_points_into_the_template(tmp_path: Path) -> None:
    assert with_template(HEADER + OP.replace("accumulate\n", "accumulate\n  actoin: x\n"), tmp_path) == [
        "mine.yaml:9:3: workload.layers[0] -> a.forward.actoin: unknown key 'actoin', expected one of: "
        "name, layer, stage, action, ranks, sequential, compute, tensors; did you mean 'action'?"
    ]


def test_templates_stay_inside_their_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "mine.yaml").write_text(HEADER + OP)
    (tmp_path / "inner" / "net.yaml").write_text(HEAD.replace("lif_bptt", "../mine.yaml") + "  " + FIRST)
    faults = Faults()
    parse_workload(source.read(str(tmp_path / "inner" / "net.yaml")), faults)
    (found,) = (fault.message for fault in faults)
    assert (
        found
        == "'../mine.yaml' lies outside the folder of the file that names it, the current folder and the shipped ones"
    )


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
