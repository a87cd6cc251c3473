"""The kinds that every workload knows. Architectures, mappings and energy rules speak of kinds, not of tensors."""

from __future__ import annotations

KINDS = (
    "weight",
    "spike",
    "current",  # synaptic input, the sum before the neuron
    "potential",  # of the membrane
    "surrogate",  # derivative of the firing function
    "spike_gradient",
    "potential_gradient",
    "weight_gradient",
    "activation",
    "activation_gradient",
)
