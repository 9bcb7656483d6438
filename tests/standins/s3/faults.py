"""Which fault does a request get? Knows nothing of HTTP; every draw comes from one seeded generator."""

from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Any


class Fault(StrEnum):
    """Names of the faults that are drawn."""

    SLOW_DOWN = "slow_down"
    ERROR_AFTER = "error_after"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    HANG = "hang"
    DAMAGED = "damaged"
    LOSE_TAIL = "lose_tail"


OF_WRITES = frozenset({Fault.DAMAGED, Fault.LOSE_TAIL})


@dataclass(frozen=True, slots=True)
class Faults:
    """The fault mix. Floats are the shares of requests; a request gets at most one fault.

    `slow_down`, `cut_before`, `hang`: nothing happened. `error_after`, `cut_after`: it happened and the client is not
    told. `damaged`: a byte of the body changes on its way, which S3 sees by its checksum. `lose_tail`: S3 keeps less
    than it was sent and says nothing. `refusal`: status and code of the answer to everything but looking.
    `looking_is_denied`: 403 to HEAD and GET. `bad_parts`: parts of uploads that fail. `gives_no_checksums`: like a
    service that knows none.
    """

    slow_down: float = 0.0
    error_after: float = 0.0
    cut_before: float = 0.0
    cut_after: float = 0.0
    hang: float = 0.0
    damaged: float = 0.0
    lose_tail: float = 0.0
    refusal: tuple[int, str] | None = None
    looking_is_denied: bool = False
    bad_parts: frozenset[int] = frozenset()
    gives_no_checksums: bool = False

    @classmethod
    def always(cls, fault: Fault) -> "Faults":
        """A mix in which one drawn fault hits every request it can."""
        share: dict[str, Any] = {fault.value: 1.0}
        return replace(cls(), **share)


class Dice:
    """The stand-in's only source of chance; each request draws one number."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"s3/{seed}")

    def fault_for(self, faults: Faults, *, is_write: bool) -> Fault | None:
        """The fault of one request; of one that has no body to lose, those of writes are none."""
        roll = self._random.random()
        for fault in Fault:
            roll -= float(getattr(faults, fault.value))
            if roll < 0:
                return fault if is_write or fault not in OF_WRITES else None
        return None
