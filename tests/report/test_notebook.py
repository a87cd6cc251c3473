"""What a notebook shows: good HTML, names as they are."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import sata
from sata import specs
from sata.report.read import result_from_data
from tests.cli.test_run import SMALL
from tests.report.made import small, training_data

BRANCHED = """\
arch:
  name: a<b
  nodes:
  - {memory: DRAM, class: dram, keep: [weight], may_keep: [spike], size: 1 KiB, buffers: 2,
     bandwidth: {read: 1 B/cycle}, format: {weight: bitmask}}
  - branch:
    - - {array: R, shape: {x: 2, y: 3}, multicast: none, reduce: true}
      - {compute: PE, class: pe, gate: {fire: [spike]}, skip: [weight]}
    - - {compute: B, class: pe}
mapping:
- {ops: "x.*", omit: "not <here>"}
- ops: [a.one, a.two]
  nest:
  - {memory: DRAM, bypass: [U]}
  - {for: "k *, c 4"}
  - {array: R, x: k 2, y: c 3}
  - split: [[{compute: PE}], [{for: t *}, {compute: PE}]]
"""


def words(html: str) -> list[str]:
    return [text.strip() for text in ET.fromstring(f"<div>{html}</div>").itertext() if text.strip()]


def test_results() -> None:
    found = words(small()._repr_html_())
    assert "step on small: 3 ops of 4, batch 1, 2 time steps, 100 MHz" in found
    for text in ("Energy by stage", "weight_gradient", "13.7 nJ", "Time by stage"):
        assert text in found
    data = training_data()
    data["meta"]["workload"] = "<b>"
    assert words(result_from_data(data)._repr_html_())[0].startswith("<b> on two_ways: 4 ops")


def test_architectures_and_mappings() -> None:
    loaded = specs.load(BRANCHED)
    assert isinstance(loaded.arch, sata.Arch)
    assert isinstance(loaded.mapping, sata.Mapping)
    found = words(loaded.arch._repr_html_())
    assert found[:5] == ["a<b", "node", "class", "instances", "DRAM"]
    assert (
        "1 KiB in 2 buffers, reads 1 B/cycle, writes unlimited, keeps weight, may keep spike, stores weight as bitmask"
        in found
    )
    assert "x 2 x y 3, multicast none, reduces" in found
    assert "gate fire on spike, skip on weight" in found
    text = "\n".join(words(loaded.mapping._repr_html_()))
    assert text == (
        "x.*\n: left out, not <here>\na.one + a.two\nmemory DRAM, bypass U\nfor k *, c 4\n"
        "  array R x: k 2; y: c 3\n    split\n    - 1\n      compute PE\n    - 2\n      for t *\n        compute PE"
    )


def test_what_is_kept_of_nothing() -> None:
    text = BRANCHED.replace("bypass: [U]", "keep: []")
    mapping = specs.load(text).mapping
    assert mapping is not None
    assert "memory DRAM, keep nothing" in mapping._repr_html_()


def test_shipped_ones_show_themselves() -> None:
    loaded = specs.load("sata", "vgg5_cifar10", shipped_mapping=True)
    assert loaded.arch is not None and loaded.mapping is not None
    assert "filter_spad" in words(loaded.arch._repr_html_())
    assert words(loaded.mapping._repr_html_())
    assert words(sata.evaluate(SMALL)._repr_html_())
