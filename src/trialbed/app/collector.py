"""How often does Python look for reference cycles while a run goes on? Seldom, and not among what stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 100
"""Python's own are 700, 10 and 10. Most of what a call leaves is freed without any looking; with these, the last
trials of 100,000 take no longer than the first, and memory grows no faster (engine/COST.md)."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For the length of a run. What is there at its beginning (code, the index of a resumed journal) is left alone."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
