"""Where on an axis does a value stand, and which values are written at it? Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_MOST_STEPS = 5
_MARGIN_PERCENT = 2.0
_NARROWEST = 1e-6
"""Less is a single value; tables have six decimals."""


@dataclass(frozen=True)
class Scale:
    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> str:
        """Percent of the width, as an SVG attribute takes it. Values beyond an end stand at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return f"{_MARGIN_PERCENT + share * (100 - 2 * _MARGIN_PERCENT):.2f}%"

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Position and text of each tick."""
        return [(self.at(tick), f"{tick:g}".replace("-", "−")) for tick in self.ticks]


def shares(highest: float) -> Scale:
    """From 0 to 1, or to what is enough for small shares, so that they can be told apart."""
    high = next(end for end in (0.1, 0.2, 0.5, 1.0) if end >= min(highest, 1.0))
    return Scale(0.0, high, tuple(round(high * part / _MOST_STEPS, 6) for part in range(_MOST_STEPS + 1)))


def around(values: Iterable[float], *, always: Iterable[float] = ()) -> Scale:
    """A scale whose ends are ticks; it holds all values, to a billionth of a step. Of no values it is 0 to 1."""
    held = [value for value in (*values, *always) if math.isfinite(value)]
    low, high = (min(held), max(held)) if held else (0.0, 1.0)
    if high - low < _NARROWEST:
        low, high = low - 0.5, high + 0.5
    step = _step((high - low) / _MOST_STEPS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(number * step, 9) for number in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
