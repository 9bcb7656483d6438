"""What is a span before OpenTelemetry sees it? Plain values, made on the event loop at the price of a few objects."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float | bool | Sequence[str]
Attributes = Mapping[str, Value]


def nothing_more() -> Attributes:
    return {}


@dataclass(frozen=True, slots=True)
class FinishedSpan:
    """One span, at its end. Times are Unix nanoseconds; `parent_id` None = the root.

    `error` is what went wrong in a few words; None = nothing did. `texts` makes those attributes that are costly or
    long: it is called where there is time.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    is_client: bool
    began_ns: int
    ended_ns: int
    attributes: Attributes
    error: str | None = None
    texts: Callable[[], Attributes] = nothing_more
