"""Energy of events. Plain functions over numbers or arrays: every count may carry a batch axis `[B]` (or more axes).

All energies are in pJ, sizes in bits. Events (counting.md) map to actions here and nowhere else:

    reads, drains, merge_reads -> read        fills -> write                 metadata_* -> metadata_*, else read, write
    updates -> update, else write
    actual -> the action                      gated -> gated_<action>, 0 pJ unless priced
    skipped -> nothing                        compute -> the op's action

Assumptions: an access costs the same whatever it moves (no row-buffer or burst effects); elements are packed into
accesses without waste unless the memory says `packed: false`; the price of a memory is per access of its `width`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sata.costs.evaluate import Price

Amount = float | npt.NDArray[np.float64]

# Event of a memory -> actions of its class: the first that is priced. Fall-backs are for memories alone; an op may ask
# a compute for an action of any name.
EVENT_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "reads": ("read",), "drains": ("read",), "merge_reads": ("read",), "fills": ("write",),
    "updates": ("update", "write"), "metadata_reads": ("metadata_read", "read"),
    "metadata_writes": ("metadata_write", "write"),
}  # fmt: skip


def event_action(price: Price, event: str) -> str:
    """The action of a memory's class that an event is: the first that is priced, else the last."""
    actions = EVENT_ACTIONS[event]
    return next((action for action in actions if action in price.energy_pj), actions[-1])


def action_energy_pj(price: Price, action: str, outcome: str = "actual") -> float:
    """Energy of one action by outcome (actual | metadata | gated | skipped). A gated one is free unless it is priced.

    Raises: KeyError with the action if an actual one is not priced.
    """
    if outcome == "skipped":
        return 0.0
    if outcome == "gated":
        return price.energy_pj.get(f"gated_{action}", 0.0)
    return price.energy_pj[action]


def access_width_bits(width_bits: int | None, price: Price) -> float | None:
    """Bits of one access: what the memory says, else the width its class is priced at; None: one element an access."""
    if width_bits is not None:
        return float(width_bits)
    own = price.attributes.get("width")
    return float(own) if isinstance(own, (int, float)) else None


def accesses(words: Amount, element_bits: float, width_bits: float | None, packed: bool = True) -> Amount:
    """Accesses that move `words` elements of `element_bits`: words * bits / width.

    Not packed: every element starts an access of its own, ceil(bits / width) of them. No width: one per element.
    """
    if width_bits is None:
        return words * 1.0
    if isinstance(words, np.ndarray):
        words = words.astype(np.float64)  # bits of many elements may be beyond 64-bit integers
    return words * element_bits / width_bits if packed else words * float(np.ceil(element_bits / width_bits))


def access_energy_pj(words: Amount, element_bits: float, price: Price, event: str, *, width_bits: int | None = None,
                     packed: bool = True, outcome: str = "actual") -> Amount:  # fmt: skip
    """Energy of `words` elements moved by `event` (a key of EVENT_ACTIONS) at a memory with `width_bits` and `packed`.

    For metadata, `words` are bits and `element_bits` 1.
    Raises: KeyError with the action if it is needed and not priced.
    """
    each = action_energy_pj(price, event_action(price, event), outcome)
    return accesses(words, element_bits, access_width_bits(width_bits, price), packed) * each


def compute_energy_pj(count: Amount, price: Price, action: str, outcome: str = "actual") -> Amount:
    """Energy of `count` computes. Raises: KeyError with the action if it is needed and not priced."""
    return count * action_energy_pj(price, action, outcome)


def wire_energy_pj(number: Amount, element_bits: float, price: Price, action: str, outcome: str = "actual") -> Amount:
    """Energy in an array whose `hop` class is `price`: of words that lanes receive (`deliver`), or of links that words
    pass (`hop`).

    A class may price one of the two or both; what it does not price costs nothing. If it has a width, words become
    transfers of that width. Raises: KeyError("deliver") if it prices neither.
    """
    if not {"deliver", "hop"} & price.energy_pj.keys():
        raise KeyError("deliver")
    if action not in price.energy_pj:
        return 0.0 * number
    return accesses(number, element_bits, access_width_bits(None, price)) * action_energy_pj(price, action, outcome)


def leakage_energy_pj(leakage_mw: float, seconds: Amount, instances: int = 1) -> Amount:
    """Power times time times instances: 1 mW for 1 ns is 1 pJ."""
    return leakage_mw * instances * seconds * 1e9
