"""Prime factors and divisors of bounds up to 2**62, in a time that hardly depends on the bound.

Small primes by trial division; what is left by the test of Miller and Rabin (deterministic below 3.3e24 for the bases
used) and the rho method of Pollard.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
TRIED = 1 << 10  # by trial division
BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
TABLE = 1 << 12  # bounds whose weights are looked up


@lru_cache(maxsize=1 << 12)
def prime_factors(number: int) -> tuple[int, ...]:
    """The prime factors, ascending, each as often as it divides."""
    primes: list[int] = []
    p = 2
    while p < TRIED and p * p <= number:
        while number % p == 0:
            primes.append(p)
            number //= p
        p += 1
    rest = [number] if number > 1 else []
    while rest:
        n = rest.pop()
        if n < TRIED * TRIED or is_prime(n):
            primes.append(n)
        else:
            divisor = _divisor(n)
            rest += [divisor, n // divisor]
    return tuple(sorted(primes))


def primes_of(number: int) -> tuple[int, ...]:
    """The distinct prime factors, ascending."""
    return tuple(sorted(set(prime_factors(number))))


@lru_cache(maxsize=1 << 12)
def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    products = [1]
    for p, times in Counter(prime_factors(number)).items():
        products = [d * p**e for d in products for e in range(times + 1)]
    return tuple(sorted(products))


def prime_weight(bound: int, numbers: Ints) -> Ints:
    """How many prime factors divisors of `bound` have, int64 [B]."""
    if bound <= TABLE:
        return _weights(bound).take(numbers)
    weights = np.zeros(len(numbers), dtype=np.int64)
    for p, times in Counter(prime_factors(bound)).items():
        for power in range(1, times + 1):
            weights += numbers % p**power == 0
    return weights


@lru_cache(maxsize=1 << 10)
def _weights(bound: int) -> Ints:
    """Prime factors of each number up to `bound`, those that divide it; 0 for all others."""
    weights = np.zeros(bound + 1, dtype=np.int64)
    for d in divisors(bound):
        weights[d] = len(prime_factors(d))
    return weights


def is_prime(number: int) -> bool:
    """The test of Miller and Rabin. Assumption: number below 3.3e24."""
    if number < 2:
        return False
    for p in BASES:
        if number % p == 0:
            return number == p
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in BASES:
        x = pow(base, odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True


def _divisor(number: int) -> int:
    """A divisor other than one and itself of a number that is not prime: Pollard's rho, gcds taken in blocks."""
    for shift in range(1, number):
        x = y = 2
        divisor = 1
        while divisor == 1:
            block, start = 1, (x, y)
            for _ in range(128):
                x = (x * x + shift) % number
                y = (y * y + shift) % number
                y = (y * y + shift) % number
                block = block * abs(x - y) % number
            divisor = gcd(block, number)
        if divisor == number:  # too far in one block: again, step by step
            (x, y), divisor = start, 1
            while divisor == 1:
                x = (x * x + shift) % number
                y = (y * y + shift) % number
                y = (y * y + shift) % number
                divisor = gcd(abs(x - y), number)
        if divisor != number:
            return divisor
    raise AssertionError("a prime has no divisor")
