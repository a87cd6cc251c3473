"""Layers x template -> ops. (Being written; the keys below are settled.)

Keys of a workload in layer form, all below `workload:`
    name, batch, timesteps, bits, kinds, density       as formats.md
    template: lif_bptt                                 a shipped template, or a file beside the workload
    options: {...}                                     any names to scalars: the template declares which exist, and checks them
                                                       (lif_bptt: input, first_backward, optimizer, reset, leak, keep_potentials)
    layers: [...]                                      each: name, exactly one of conv2d | conv1d | linear | maxpool2d |
                                                       avgpool2d | add, and from (name or list; `input` is the network's input),
                                                       fires (bool), density ({kind: number | list over t | model mapping})
    conv2d: {input: [C,H,W], out, kernel, stride, padding, dilation, groups}   ints, or pairs for the last four but groups
    conv1d: {input: [C,L], out, kernel, stride, padding, dilation, groups}     ints
    linear: N | {input: N or [shape], out: N};  maxpool2d, avgpool2d: 2 | {input, kernel, stride, padding}
    add: {} (with `from: [a, b]`) or add: [a, b]
`template` and `layers` come together, and never with `ops`. timesteps defaults to 1, batch to 1.
"""
