"""Small specs in which every name that a user may choose is a placeholder `Q_role_Q`, and what is asked of them."""

from __future__ import annotations

OPS = """
variables: {Q_var_Q: 4}
arch:
  name: Q_arch_Q
  clock: 100 MHz
  libraries: [Q_lib_Q]
  nodes:
  - memory: Q_dram_Q
    class: Q_cdram_Q
    bandwidth: {read: 16 b/cycle, write: 16 b/cycle}
    skip: {Q_ktrace_Q: Q_kind_Q}
    format: {Q_kind_Q: bitmask}
  - memory: Q_glb_Q
    class: Q_csram_Q
    size: 64 KiB
    width: 8 b
    bandwidth: {read: 12 b/cycle, write: 5 b/cycle}
    attributes: {Q_attr_Q: 3}
    keep: [Q_kind_Q, Q_ktrace_Q, Q_kout_Q]
    gate: {Q_kind_Q: [Q_ktrace_Q]}
  - branch:
    - - {array: Q_array_Q, shape: {Q_axis_Q: 4, Q_yaxis_Q: 2}, reduce: true, hop: Q_cwire_Q, lockstep: true}
      - {memory: Q_spad_Q, class: Q_creg_Q, size: 256 B, width: 8 b, keep: [Q_ktrace_Q, Q_kout_Q]}
      - {compute: Q_pe_Q, class: Q_cpe_Q, skip: {Q_act_Q: [Q_kind_Q]}}
    - - {compute: Q_unit_Q, class: Q_cpe_Q, gate: {Q_firing_Q: [Q_kout_Q]}}
library:
  name: Q_lib_Q
  components:
  - {class: Q_cdram_Q, energy: {read: 9 pJ, write: 8 pJ}, area: 0 um2, leakage: 2 mW, uncertainty: 20 %}
  - class: Q_csram_Q
    at: {width: 8 b, Q_attr_Q: 1}
    energy: {read: 3 pJ, write: 2 pJ}
    area: 7 um2
    leakage: 1 mW
    scale: {width: linear, Q_attr_Q: {energy: linear, area: quadratic, leakage: constant}}
    uncertainty: {read: 10 %, leakage: 30 %}
  - class: Q_creg_Q
    attributes: {width: 8 b}
    parts: {Q_part_Q: {class: Q_csram_Q, width: "{{ width }}", Q_attr_Q: 2, count: 2}}
    actions: {read: {Q_part_Q.read: 0.5}, write: {Q_part_Q.write: 0.25}}
  - {class: Q_cwire_Q, energy: {deliver: 0.5 pJ, hop: 0.25 pJ}, area: 1 um2, leakage: 0 mW}
  - class: Q_cpe_Q
    energy: {Q_act_Q: 1.5 pJ, Q_firing_Q: 0.7 pJ, gated_Q_firing_Q: 0.2 pJ}
    cycles: {Q_firing_Q: 3}
    area: 3 um2
    leakage: 0.5 mW
    uncertainty: 5 %
workload:
  name: Q_net_Q
  kinds: [Q_kind_Q, Q_ktrace_Q, Q_kout_Q]
  bits: {Q_kind_Q: 1, Q_ktrace_Q: 8, Q_kout_Q: 16}
  density: {Q_kind_Q: 0.3}
  ops:
  - name: Q_layer_Q.Q_op_Q
    layer: Q_layer_Q
    stage: Q_stage_Q
    action: Q_act_Q
    ranks: {t: 2, Q_rank_Q: 6, Q_crank_Q: "{{ Q_var_Q }}", Q_wrank_Q: 3}
    compute: "Q_tout_Q[t,Q_rank_Q] += Q_tens_Q[Q_rank_Q,Q_crank_Q,Q_wrank_Q] * Q_tin_Q[t,Q_crank_Q,Q_rank_Q+Q_wrank_Q-1]"
    tensors: {Q_tout_Q: {kind: Q_kout_Q}, Q_tens_Q: {kind: Q_ktrace_Q}, Q_tin_Q: {kind: Q_kind_Q, shape: [2, 4, 6]}}
  - name: Q_layer_Q.Q_next_Q
    layer: Q_layer_Q
    stage: Q_later_Q
    action: Q_firing_Q
    sequential: [t]
    ranks: {t: 2, Q_rank_Q: 6}
    compute: "Q_tstate_Q[Q_rank_Q], Q_tspike_Q[t,Q_rank_Q] = Q_func_Q(Q_tout_Q[t,Q_rank_Q])"
    tensors:
      Q_tout_Q: {kind: Q_kout_Q, density: [0.5, 0.25]}
      Q_tstate_Q: {kind: Q_kout_Q}
      Q_tspike_Q: {kind: Q_kind_Q}
"""

APART = """
mapping:
- ops: "*.Q_op_Q"
  nest:
  - memory: Q_dram_Q
  - for: "t 2"
  - {memory: Q_glb_Q, bypass: [Q_tout_Q]}
  - for: "Q_crank_Q 2"
  - {array: Q_array_Q, Q_axis_Q: "Q_rank_Q 3", Q_yaxis_Q: "Q_crank_Q 2"}
  - memory: Q_spad_Q
  - for: "Q_rank_Q 2, Q_wrank_Q *"
  - compute: Q_pe_Q
- ops: "Q_layer_Q.*"
  nest: [{memory: Q_dram_Q}, {for: "Q_rank_Q *"}, {memory: Q_glb_Q, keep: [Q_tstate_Q]}, {for: "t *"}, {compute: Q_unit_Q}]
"""

FUSED = """
mapping:
- ops: ["*.Q_op_Q", "*.Q_next_Q"]
  nest:
  - {memory: Q_dram_Q, bypass: [Q_tout_Q, Q_tstate_Q]}
  - for: "Q_rank_Q *"
  - {memory: Q_glb_Q}
  - split:
    - - for: "t *"
      - {array: Q_array_Q, Q_axis_Q: "Q_crank_Q 4"}
      - {memory: Q_spad_Q}
      - for: "Q_wrank_Q *"
      - compute: Q_pe_Q
    - - for: "t *"
      - compute: Q_unit_Q
"""

# A network of layers with a template of its own, in a folder: file -> text.
LAYERS = {
    "Q_file_Q.yaml": """
template:
  about: made for a test
  kinds: ["Q_kind_Q"]
  bits: {"Q_kind_Q": "{{ bits.current }}"}
  options:
    "Q_option_Q": {values: ["Q_value_Q", other_value], default: other_value, about: "does it fire?"}
---
{% set op = "forward" %}{% set stage = "forward" %}{% set keep = false %}
{% include "parts/forward.yaml" %}
{% if options["Q_option_Q"] == "Q_value_Q" %}
- name: "{{ layer.name }}.Q_op_Q"
  stage: "Q_stage_Q"
  action: "Q_act_Q"
  sequential: [t]
  ranks: {{ layer.out_ranks }}
  compute: "Q_tens_Q[{{ layer.U }}], S'[{{ layer.X }}] = Q_func_Q(X[{{ layer.X }}])"
  tensors:
    X: {kind: current}
    "Q_tens_Q": {kind: "Q_kind_Q"}
    S': {kind: spike, density: {{ layer.density.output }}}
{% endif %}
""",
    "net.yaml": """
variables: {Q_var_Q: 3}
arch:
  name: Q_arch_Q
  clock: 1 GHz
  libraries: [Q_lib_Q]
  nodes: [{memory: Q_dram_Q, class: Q_cdram_Q}, {compute: Q_pe_Q, class: Q_cpe_Q, skip: {accumulate: [spike]}}]
library:
  name: Q_lib_Q
  components:
  - {class: Q_cdram_Q, energy: {read: 9 pJ, write: 8 pJ}, area: 1 um2, leakage: 2 mW}
  - {class: Q_cpe_Q, energy: {accumulate: 1 pJ, Q_act_Q: 2 pJ}, area: 1 um2, leakage: 2 mW}
workload:
  name: Q_net_Q
  timesteps: "{{ Q_var_Q }}"
  template: Q_file_Q.yaml
  options: {Q_option_Q: Q_value_Q}
  bits: {weight: 8, spike: 1, current: 16}
  density: {spike: 0.25}
  layers:
  - {name: Q_layer_Q, linear: {input: 4, out: 6}}
  - {name: Q_next_Q, linear: 3, density: {spike: {model: trace, file: spikes.npz, array: Q_npz_Q}}}
mapping:
- ops: "*.forward"
  nest: [{memory: Q_dram_Q}, {for: "t *, k *, c *"}, {compute: Q_pe_Q}]
- ops: "*.Q_op_Q"
  nest: [{memory: Q_dram_Q}, {for: "t *, k *"}, {compute: Q_pe_Q}]
""",
}
SEARCHED = """
workload:
  name: Q_net_Q
  kinds: [Q_kind_Q, Q_ktrace_Q, Q_kout_Q]
  bits: {Q_kind_Q: 1, Q_ktrace_Q: 8, Q_kout_Q: 16}
  density: {Q_kind_Q: 0.3}
  ops:
  - name: Q_layer_Q.Q_op_Q
    action: Q_act_Q
    ranks: {t: 2, Q_rank_Q: 4, Q_crank_Q: "{{ Q_var_Q // 2 }}"}
    compute: "Q_tout_Q[t,Q_rank_Q] += Q_tens_Q[Q_rank_Q,Q_crank_Q] * Q_tin_Q[t,Q_crank_Q]"
    tensors: {Q_tout_Q: {kind: Q_kout_Q}, Q_tens_Q: {kind: Q_ktrace_Q}, Q_tin_Q: {kind: Q_kind_Q}}
"""
CONSTRAINTS = """
constraints:
- ops: "*.Q_op_Q"
  keep: {Q_glb_Q: [Q_kind_Q, Q_tout_Q]}
  compute: Q_pe_Q
  spatial: {Q_array_Q: {Q_axis_Q: [Q_rank_Q]}}
  factors: {Q_glb_Q: {Q_crank_Q: <=2}}
"""
