"""Chances that several density models need: draws without replacement, sums of independent counts.

All are vectorised and work with logarithms of ratios, so that they hold for tensors of 10^9 elements.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import ceil, exp, floor, lgamma, log, pi

import numpy as np

from sata.counts.density.interface import FloatArray, IntArray

Chance = Callable[[IntArray, int, int], FloatArray]
TABLE = 1 << 18  # elements of a tile up to which the chances of all sizes are kept
SMALL = 1e-6  # part of all elements whose draws are all alike
FEWEST = 8  # non-zeros that are looked at one by one
FEW = 4096  # outcomes that are all computed; of more, those around the mean
_EXACT = 24  # below it, remainders of Stirling's series are tabled


def _remainder(y: FloatArray) -> FloatArray:
    """log Gamma(y) less (y - 1/2) log y - y + log(2 pi) / 2, for whole y >= 1."""
    small = np.array([0.0] + [lgamma(n) - (n - 0.5) * log(n) + n - 0.5 * log(2 * pi) for n in range(1, _EXACT)])
    inverse = 1 / np.maximum(y, _EXACT)
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return np.where(y < _EXACT, small[np.minimum(y, _EXACT - 1).astype(np.int64)], series)


def log_none_of(n: IntArray, total: int, nonzeros: int) -> FloatArray:
    """Logarithm of the chance that n elements drawn from `total` without replacement meet none of the non-zeros.

    C(total - nonzeros, n) / C(total, n), by Stirling's series arranged so that nothing large cancels. Of few non-zeros
    it is the product of the chances that each lies elsewhere; of a small part of all elements the n factors 1 -
    nonzeros / (total - i) are like the middle one, but for (n / total)^2. Minus infinity: one is met for certain.
    """
    possible = n <= total - nonzeros
    m = np.where(possible, n, 0)
    if nonzeros <= FEWEST:
        logs = sum((_log_share(m, total - i) for i in range(nonzeros)), np.zeros(m.shape))
        return np.where(possible, logs, -np.inf)
    a, b = total - nonzeros + 1, total + 1
    left, right = (a - m).astype(float), (b - m).astype(float)
    logs = m * log(a / b) - (left - 0.5) * _log_share(m, a) + (right - 0.5) * _log_share(m, b)
    first, second = _remainder(np.array([float(a), float(b)]))
    logs += first - _remainder(left) - second + _remainder(right)
    small = m <= total * SMALL
    if small.any():
        middle = total - np.maximum(np.where(small, m, 0) - 1, 0) / 2
        logs = np.where(small, m * np.log1p(-np.minimum(nonzeros / middle, 1 - 1e-16)), logs)
    return np.where(possible, np.minimum(logs, 0.0), -np.inf)


def _log_share(n: IntArray, of: int) -> FloatArray:
    """log(1 - n / of), for n below `of`."""
    return np.asarray(np.where(2 * n < of, np.log1p(-np.minimum(n, of / 2) / of), np.log((of - n) / of)))


def none_of(n: IntArray, total: int, nonzeros: int) -> FloatArray:
    """The chance that n elements drawn from `total` without replacement meet none of the non-zeros."""
    return np.asarray(np.exp(log_none_of(n, total, nonzeros)))


def some_of(n: IntArray, total: int, nonzeros: int) -> FloatArray:
    """The chance that they meet any, to all digits."""
    return np.asarray(-np.expm1(log_none_of(n, total, nonzeros)))


def shares(total: int, density: float) -> list[tuple[float, int]]:
    """(weight, number of non-zeros): the whole numbers around density * total whose mean it is."""
    mean = min(density * total, float(total))  # a float of a large total may be beyond it
    if abs(mean - round(mean)) <= 1e-12 * mean:
        return [(1.0, min(round(mean), total))]
    return [(ceil(mean) - mean, floor(mean)), (mean - floor(mean), min(ceil(mean), total))]


def empty(n: IntArray, total: int, density: float) -> FloatArray:
    """`none_of`, for a density that makes no whole number of non-zeros."""
    return _of_shares(n, total, density, none_of)


def occupied(n: IntArray, total: int, density: float) -> FloatArray:
    """`some_of`, for a density that makes no whole number of non-zeros."""
    return _of_shares(n, total, density, some_of)


def _of_shares(n: IntArray, total: int, density: float, chance: Chance) -> FloatArray:
    n = np.asarray(n, dtype=np.int64)
    if n.size >= 64 and (largest := int(n.max())) <= TABLE:
        return _tabled(total, density, min(total, (1 << largest.bit_length()) - 1), chance)[n]
    return sum((w * chance(n, total, k) for w, k in shares(total, density)), np.zeros(n.shape))


@lru_cache(maxsize=64)
def _tabled(total: int, density: float, largest: int, chance: Chance) -> FloatArray:
    """For 0..largest elements."""
    n = np.arange(largest + 1)
    return sum((w * chance(n, total, k) for w, k in shares(total, density)), np.zeros(n.shape))


def hypergeometric(n: int, total: int, density: float) -> FloatArray:
    """The chances of 0..n non-zeros among n elements drawn without replacement."""
    result = np.zeros(n + 1)
    for weight, nonzeros in shares(total, density):
        low, high = _likely(n, total, nonzeros)
        k = np.arange(low, high, dtype=float)
        ratios = np.log((nonzeros - k) * (n - k)) - np.log((k + 1) * (total - nonzeros - n + k + 1))
        result[low : high + 1] += weight * _from_ratios(ratios)
    return result


def _likely(n: int, total: int, nonzeros: int) -> tuple[int, int]:
    """The range of outcomes; where it is long, without those of a chance below 1e-30."""
    low, high = max(0, n - (total - nonzeros)), min(n, nonzeros)
    if high - low <= FEW:
        return low, high
    mean = n * nonzeros / total
    reach = 12 * (mean * (1 - nonzeros / total) * (total - n) / (total - 1)) ** 0.5 + 80
    return max(low, floor(mean - reach)), min(high, ceil(mean + reach))


def _from_ratios(ratios: FloatArray) -> FloatArray:
    """Chances from the logarithms of the ratio of each to the one before."""
    logs = np.concatenate([[0.0], np.cumsum(ratios)])
    chances: FloatArray = np.exp(logs - logs.max())
    total: float = chances.sum()
    return chances / total


def summed_distribution(chances: FloatArray, times: int) -> FloatArray:
    """The distribution of the sum of `times` independent counts."""
    if times == 0:
        return np.ones(1)
    if times == 1:
        return chances
    length = (len(chances) - 1) * times + 1
    if length <= FEW:  # by halves, so that what cannot happen stays exactly so
        half = summed_distribution(chances, times // 2)
        whole = np.convolve(half, half)
        return np.convolve(whole, chances) if times % 2 else whole
    mean = float(np.arange(len(chances)) @ chances)
    variance = float((np.arange(len(chances)) - mean) ** 2 @ chances)
    low, high = _within(times * mean, times * variance, len(chances) - 1, length)
    width = _power(high - low)  # of the transform: what is beyond comes round again, and is nothing
    folded = np.bincount(np.arange(len(chances)) % width, weights=chances, minlength=width)
    found = np.fft.irfft(np.fft.rfft(folded) ** times, width)
    result = np.zeros(length)
    result[low:high] = _tidy(np.roll(found, -low)[: high - low])
    result[0] = chances[0] ** times  # which is known exactly
    return result


def _within(mean: float, variance: float, largest: int, length: int) -> tuple[int, int]:
    """Where a sum of independent counts lies but for a chance of 1e-20: Bernstein's inequality for counts of which none
    is above `largest`."""
    logs = log(2e20)
    reach = logs * largest / 3 + ((logs * largest / 3) ** 2 + 2 * logs * variance) ** 0.5
    return max(0, floor(mean - reach)), min(length, ceil(mean + reach) + 1)


def both_chances(first: FloatArray, second: FloatArray) -> FloatArray:
    """The distribution of the sum of two independent counts."""
    if min(len(first), len(second)) <= 64:
        return np.convolve(first, second)
    (a, low), (b, also) = _there(first), _there(second)  # what cannot happen need not be transformed
    length = len(a) + len(b) - 1
    width = _power(length)
    result = np.zeros(len(first) + len(second) - 1)
    found = np.fft.irfft(np.fft.rfft(a, width) * np.fft.rfft(b, width), width)
    result[low + also : low + also + length] = _tidy(found[:length])
    result[0] = first[0] * second[0]  # which is known exactly
    return result


def _there(chances: FloatArray) -> tuple[FloatArray, int]:
    """(the outcomes from the first that can happen to the last, the number of the first)."""
    possible = np.flatnonzero(chances)
    return chances[possible[0] : possible[-1] + 1], int(possible[0])


def _power(length: int) -> int:
    """The power of two from `length` on: quick to transform, unlike primes."""
    return 1 << max(length - 1, 1).bit_length()


def clustered(n: int, density: float, empty: float) -> FloatArray:
    """Chances of 0..n non-zeros with a given mean, density * n, and a given chance of none: beta-binomial.

    Where none is rarer than among independent elements, which a beta-binomial cannot be: binomial beside that chance.
    """
    if n == 0 or density in (0.0, 1.0):
        return _certain(n, n if density == 1 else 0)
    independent = (1 - density) ** n
    if n == 1 or abs(empty - independent) <= 1e-12 * independent:
        return binomial(n, density)
    if empty >= (1 - density) * (1 - 1e-12):  # all or nothing
        chances = np.zeros(n + 1)
        chances[0], chances[n] = 1 - density, density
        return chances
    if empty < independent:
        mean = density * n / (1 - empty)
        rest = np.concatenate([[0.0], binomial(n - 1, min(1.0, max(mean - 1, 0.0) / (n - 1)))]) * (1 - empty)
        rest[0] = empty
        return rest
    low, high = -60.0, 60.0  # logarithm of a + b
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _none_beta(n, density, exp(middle)) > empty else (low, middle)
    chances = _beta_binomial(n, density, exp((low + high) / 2))
    chances[0] = empty
    return chances


def binomial(n: int, density: float) -> FloatArray:
    """The binomial distribution: draws from a tensor without end."""
    if density in (0.0, 1.0):
        return _certain(n, n if density == 1 else 0)
    k = np.arange(n, dtype=float)
    return _from_ratios(np.log((n - k) / (k + 1)) + log(density / (1 - density)))


def _certain(n: int, outcome: int) -> FloatArray:
    chances = np.zeros(n + 1)
    chances[outcome] = 1.0
    return chances


def _none_beta(n: int, density: float, total: float) -> float:
    a, b = density * total, (1 - density) * total
    if total > 1e12:
        return float((1 - density) ** n)
    i = np.arange(n)
    return float(np.exp(np.log((b + i) / (a + b + i)).sum()))


def _beta_binomial(n: int, density: float, total: float) -> FloatArray:
    a, b = density * total, (1 - density) * total
    k = np.arange(n, dtype=float)
    return _from_ratios(np.log((n - k) / (k + 1)) + np.log((a + k) / (b + (n - 1 - k))))


def _tidy(chances: FloatArray) -> FloatArray:
    """Without the noise of the transform."""
    return np.where(chances < 1e-15, 0.0, chances)
