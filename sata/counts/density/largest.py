"""The expected largest of the counts of several lanes: of independent ones, and of lanes that share what is there.

The expected maximum is the sum over x of P(some lane has more than x). Chances are kept as what they miss to one, so
that they hold where non-zeros are very rare.
"""

from __future__ import annotations

from math import ceil, erf, floor, log, pi

import numpy as np

from sata.counts.density.chances import binomial, shares
from sata.counts.density.interface import FloatArray

WIDEST = 1 << 14  # elements of all lanes whose joint law is summed exactly
ENTRIES = 1 << 21  # of a table of outcomes by neurons that are not silent
FEW = 256  # non-zeros that are followed one by one, however many elements there are


def of_alike(chances: FloatArray, lanes: float) -> float:
    """Of independent counts with the same chances of 0, 1, ..."""
    return float(_some(_above(chances), lanes).sum())


def _above(chances: FloatArray) -> FloatArray:
    """P(count > x) for x = 0, 1, ...: without the last, which is 0."""
    return np.minimum(np.cumsum(chances[..., :0:-1], axis=-1)[..., ::-1], 1.0)


def _some(above: FloatArray, lanes: float) -> FloatArray:
    """1 - (1 - above)^lanes."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(lanes * np.log1p(-above)))


def of_binomials(n: int, share: float, lanes: float) -> float:
    """Of independent binomial counts: of n elements, each a non-zero with a chance."""
    if n == 0 or share <= 0:
        return 0.0
    if share >= 1:
        return float(n)
    low, high = _window(n * share, n * share * (1 - share), n, lanes)
    if high - low > ENTRIES:
        spread: float = (n * share * (1 - share)) ** 0.5
        return n * share + spread * _of_normals(lanes)
    if low == 0 and high == n and n <= FEW:
        return of_alike(binomial(n, share), lanes)
    k = np.arange(low, high, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - k) / (k + 1)) + log(share) - np.log1p(-share))])
    chances = np.exp(logs - logs.max())
    return low + of_alike(chances / chances.sum(), lanes)


def _window(mean: float, variance: float, most: int, lanes: float) -> tuple[int, int]:
    """Where a binomial count lies in all lanes but for a chance of 1e-20 (Bernstein's inequality)."""
    logs = log(2e20 * max(lanes, 1.0))
    reach = 2 * logs / 3 + (2 * logs * variance) ** 0.5
    return max(0, floor(mean - reach)), min(most, ceil(mean + reach))


def _of_normals(lanes: float) -> float:
    """The expected largest of independent standard normal numbers."""
    x = np.linspace(-12.0, 12.0, 4801)
    below = np.array([(1 + erf(v / 2**0.5)) / 2 for v in x])
    density = np.exp(-x * x / 2) / (2 * pi) ** 0.5 * lanes * below ** (lanes - 1)
    return float(np.sum(x * density) * (x[1] - x[0]))


def of_drawn(n: int, total: int, density: float, lanes: int) -> float:
    """Of lanes of n elements each, different ones, of a tensor from which a share is drawn without replacement.

    Given their sum, independent binomial counts have this law. From many elements on, lanes are binomial counts: what
    one has the others lack, so that they spread as if drawn with replacement.
    """
    found = 0.0
    for weight, nonzeros in shares(total, density):
        if nonzeros in (0, total):
            largest = float(n) if nonzeros else 0.0
        elif n * lanes <= WIDEST or nonzeros <= FEW:
            largest = _of_some(n, total, nonzeros, lanes)
        else:
            largest = of_binomials(n, nonzeros / total, lanes)
        found += weight * largest
    return found


def _of_some(n: int, total: int, nonzeros: int, lanes: int) -> float:
    """`of_drawn`, for a number of non-zeros: 1 - P(all at most x, and so many in all) / P(so many in all)."""
    share = nonzeros / total
    most, rest = min(n * lanes, nonzeros), total - n * lanes
    outside = _outside(rest, nonzeros, most, share)
    top = min(n, nonzeros)
    one = binomial(n, share)[: top + 1] if n <= WIDEST else _rare(n, share, top)
    whole = float(_power(one, lanes, most) @ outside)
    low, high = _window(n * share, n * share * (1 - share), top, lanes)
    found = float(low)
    for x in range(low, min(high, top)):
        found += min(1.0, max(0.0, 1 - float(_power(one[: x + 1], lanes, most) @ outside) / whole))
    return found


def _rare(n: int, share: float, top: int) -> FloatArray:
    """Binomial chances of 0, ..., top of very many elements, but for a factor."""
    k = np.arange(top, dtype=np.float64)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - k) / (k + 1)) + log(share) - np.log1p(-share))])
    return np.asarray(np.exp(logs - logs.max()))


def _outside(rest: int, nonzeros: int, most: int, share: float) -> FloatArray:
    """For s = 0, ..., most non-zeros in the lanes: the chance that the rest has the others, but for a factor."""
    s = np.arange(most + 1)
    other = nonzeros - s
    possible = other <= rest
    result = np.zeros(most + 1)
    there = np.flatnonzero(possible)
    k = other[there].astype(np.float64)  # falling
    steps = np.log(k[:-1] / (rest - k[:-1] + 1)) - log(share) + np.log1p(-share)
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    result[there] = np.exp(logs - logs.max())
    return result


def _power(one: FloatArray, times: int, most: int) -> FloatArray:
    """The first `most` + 1 chances of the sum of independent counts."""
    if (len(one) - 1) * times <= most or most > FEW:
        width = 1 << max(1, (len(one) - 1) * times).bit_length()
        found = np.fft.irfft(np.fft.rfft(one, width) ** times, width)[: most + 1]
        return np.concatenate([found, np.zeros(most + 1 - len(found))])
    result, square = np.ones(1), one
    while times:
        if times & 1:
            result = np.convolve(result, square)[: most + 1]
        square = np.convolve(square, square)[: most + 1]
        times >>= 1
    return np.concatenate([result, np.zeros(most + 1 - len(result))])


def of_repeated(neurons: int, silent: float, fires: float, units: int, lanes: int, groups: int) -> float | None:
    """Of lanes that look at different steps of the same neurons: `neurons` of them a lane, `units` of each, a unit
    being non-zero with chance `fires` unless the neuron is silent in all of them. groups: sets of such lanes, each
    with neurons of its own. None where it is too much to sum."""
    if fires <= 0 or silent >= 1:
        return 0.0
    awake = binomial(neurons, 1 - silent) if neurons <= ENTRIES else np.zeros(0)
    likely = np.flatnonzero(awake > 1e-25)
    most = neurons * units
    _, high = _window(most * fires, most * fires + 1, most, lanes * groups)
    if not len(likely) or len(likely) * (high + 2) > ENTRIES or most > ENTRIES:
        return None
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
    n = (likely * units)[:, None]
    x = np.arange(min(high + 1, most) + 1)[None, :]
    possible = x <= n
    if fires >= 1:
        chances = (x == n).astype(np.float64)
    else:
        rest = np.where(possible, n - x, 0)
        each = logs[n] - logs[x] - logs[rest] + x * log(fires) + rest * np.log1p(-fires)
        chances = np.where(possible, np.exp(each), 0.0)
    missing = awake[likely] @ _some(_above(chances), lanes)
    return float(_some(np.minimum(missing, 1.0), groups).sum())
