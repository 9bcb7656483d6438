"""What is read off a verdict as one number or one name? Data, so that a report needs no code of the experiment."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Kind = Literal["binary", "score", "category", "survival"]
Value = float | str
"""binary: 0.0 or 1.0; score: the number; category: the name; survival: the time, see `Measure.is_censored`."""
_LATER = ("over_time", "better")
"""Fields that older plans do not have: left out where they say nothing, so that nobody's hash changes."""


class Measure(BaseModel):
    """One thing that is measured in every judged trial.

    Args:
        field: where it stands in the values of a verdict; a dot leads into an object (`adherence.primary`). Null there
            says that this trial is none the measure is about; where the field is not there at all, it is missing.
        positive: of a binary measure: the values that count as 1; empty if the field itself is true or false.
        low, high: of a score: the ends of its scale, which bound what missing trials could have been.
        censored_field: of a survival measure: a field that is true where the time ended without the event.
        over_time: of a score: its percentiles, and its course over the days of a run, are part of a report.
        better: of a score over time: which end of its scale is to be preferred; None = neither.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    kind: Kind
    field: str
    title: str = ""
    positive: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    censored_field: str | None = None
    over_time: bool = False
    better: Literal["higher", "lower"] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Measure":
        if self.positive and self.kind != "binary":
            raise ValueError("'positive' belongs to a binary measure")
        if self.censored_field and self.kind != "survival":
            raise ValueError("'censored_field' belongs to a survival measure")
        if (self.low is None) != (self.high is None) or (self.low is not None and self.kind != "score"):
            raise ValueError("'low' and 'high' belong together, and to a score")
        if self.over_time and self.kind != "score":
            raise ValueError("'over_time' belongs to a score")
        if self.better is not None and not self.over_time:
            raise ValueError("'better' belongs to a score over time")
        return self

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = plain(self)
        return {name: value for name, value in fields.items() if value or name not in _LATER}

    @property
    def label(self) -> str:
        return self.title or self.name

    def value_of(self, values: Mapping[str, Any] | None) -> Value | None:
        """What a verdict's values say; None if they do not say it. Never 0 for "does not say"."""
        found = at_path(values, self.field)
        match self.kind:
            case "binary" if self.positive:
                return None if found is None else float(_as_text(found) in self.positive)
            case "binary":
                return float(found) if isinstance(found, bool) else None
            case "category":
                return None if found is None or isinstance(found, Mapping | list) else _as_text(found)
            case "score" | "survival":
                is_number = isinstance(found, int | float) and not isinstance(found, bool)
                return float(found) if is_number else None

    def is_about(self, values: Mapping[str, Any] | None) -> bool:
        """False where a verdict's values say null: the trial is none that is measured, so nothing of it is missing."""
        parent, _, last = self.field.rpartition(".")
        holder = at_path(values, parent) if parent else values
        return not (isinstance(holder, Mapping) and last in holder and holder[last] is None)

    def is_censored(self, values: Mapping[str, Any] | None) -> bool:
        """Whether a survival time ended without the event."""
        return self.censored_field is not None and at_path(values, self.censored_field) is True


def at_path(values: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        if not isinstance(values, Mapping):
            return None
        values = values.get(name)
    return values


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
