"""Arcs: sets of 32-bit numbers low, low + step, ... on the circle of numbers modulo 2^32.

The domain of the prover's analysis. An arc may run past 2^32 - 1 to 0, so that a difference of two registers is an
arc as well as an address is. Every operation over-approximates: its result holds at least what it should.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

WORD = 1 << 32
HALF = 1 << 31


class Arc(NamedTuple):
    """{low + k * step mod 2^32 : 0 <= k * step <= width}; `step` is a power of two, 2^32 exactly for one number."""

    low: int
    width: int
    step: int = 1

    @property
    def high(self) -> int:
        """The last number, going up from low: may be smaller than low."""
        return (self.low + self.width) % WORD

    @property
    def wraps(self) -> bool:
        return self.low + self.width >= WORD

    @property
    def informative(self) -> bool:
        """Whether it says more than which half of the circle, or a multiple of what, the number is."""
        return self.width < HALF


FULL = Arc(0, WORD - 1)


def only(number: int) -> Arc:
    return Arc(number % WORD, 0, WORD)


def between(low: int, high: int, step: int = 1) -> Arc:
    """low, low + step .. up to high, low <= high < low + 2^32."""
    return _tidy(low, high - low, step)


def _tidy(low: int, width: int, step: int) -> Arc:
    if width >= WORD - step:
        return Arc(low % min(step, WORD), WORD - step, step) if step < WORD else only(low)
    width -= width % step
    return Arc(low % WORD, width, step) if width else only(low)


def add(a: Arc, b: Arc) -> Arc:
    return _tidy(a.low + b.low, a.width + b.width, min(a.step, b.step))


def shift(a: Arc, distance: int) -> Arc:
    return Arc((a.low + distance) % WORD, a.width, a.step)


def negate(a: Arc) -> Arc:
    return Arc(-(a.low + a.width) % WORD, a.width, a.step)


def _common_step(a: Arc, b: Arc) -> int:
    apart = (b.low - a.low) % WORD
    return min(a.step, b.step, apart & -apart if apart else WORD)


def hull(a: Arc, b: Arc) -> Arc:
    """The smaller of the arcs that hold both."""
    if a == b:
        return a
    step = _common_step(a, b)
    from_a = (a.low, max(a.width, (b.low - a.low) % WORD + b.width))
    from_b = (b.low, max(b.width, (a.low - b.low) % WORD + a.width))
    low, width = min(from_a, from_b, key=lambda option: option[1])
    return _tidy(low, width, step) if width < WORD else FULL


def meet(a: Arc, b: Arc) -> Arc:
    """An arc that holds what is in both; one of the two where that is no arc, or nothing."""
    if b in (a, FULL):
        return a
    if a == FULL:
        return b
    if a.step < b.step:
        a, b = b, a
    apart = (b.low - a.low) % WORD
    if apart <= a.width:
        if apart + b.width >= WORD:
            return min(a, b, key=lambda arc: arc.width)
        low, width = b.low, min(a.width - apart, b.width)
    elif (a.low - b.low) % WORD <= b.width:
        low, width = a.low, min(b.width - (a.low - b.low) % WORD, a.width)
    else:
        return a  # contradictory: unreachable, any arc is right
    up = (a.low - low) % min(a.step, WORD) if a.step < WORD else (a.low - low) % WORD
    return _tidy(low + up, width - up, a.step) if up <= width else a


def without(a: Arc, number: int) -> Arc:
    """The arc without a number, if that is one of its ends."""
    if a.width == 0:
        return a
    if number % WORD == a.low:
        return _tidy(a.low + a.step, a.width - a.step, a.step)
    if number % WORD == a.high:
        return _tidy(a.low, a.width - a.step, a.step)
    return a


def holds(a: Arc, b: Arc) -> bool:
    """Whether b is a part of a."""
    inside = (b.low - a.low) % WORD + b.width <= a.width
    return (inside or a.width >= WORD - a.step) and (a.step == 1 or _common_step(a, b) >= a.step or a == b)


def widen(old: Arc, new: Arc, stops: Collection[int] = ()) -> Arc:
    """Something that holds both and will not grow often: up or down to the next of `stops`, or half the circle."""
    joined = hull(old, new)
    if joined == old or joined.width >= HALF:
        return joined if joined == old else FULL
    step = joined.step
    if joined.low == old.low:
        widths = [w for stop in stops if joined.width <= (w := (stop - old.low) % WORD) < HALF]
        return _tidy(old.low, min(widths, default=HALF - 1), step)
    if joined.high == old.high:
        widths = [w for stop in stops if joined.width <= (w := (old.high - stop) % WORD) < HALF]
        width = min(widths, default=HALF - 1)
        width -= width % step
        return _tidy(old.high - width, width, step)
    return FULL


def unsigned(a: Arc) -> tuple[int, int]:
    """The smallest and largest number as plain integers."""
    return (0, WORD - 1) if a.wraps else (a.low, a.low + a.width)


def mapped(a: Arc, function: Callable[[int], int], step: int = 1) -> Arc:
    """The image under a function that never decreases."""
    low, high = unsigned(a)
    return _tidy(function(low), function(high) - function(low), step)
