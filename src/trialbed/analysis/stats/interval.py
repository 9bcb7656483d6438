"""Between what does an estimated quantity lie? Two ends, both belonging to it."""

from typing import NamedTuple


class Interval(NamedTuple):
    lo: float
    hi: float
