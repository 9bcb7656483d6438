"""In what do scenarios differ, beside what they are about? Data, so that a report needs no code of the experiment."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trialbed.core.measure import at_path


class Factor(BaseModel):
    """One thing in which scenarios differ by design, such as who asks or how much is at stake.

    A report tells the primary measure for each of its levels. With a `baseline` it also compares every other level
    with that one, within a subject and a variant: each trial with the baseline's trials that say the same in the
    fields of `match`.

    Args:
        field: where the level stands in the values of a verdict; a dot leads into an object. A number is a level by its
            text, and null is none.
        levels: the levels in their order; those that are not named follow by name.
        baseline: the level that others are compared with.
        match: fields of a verdict's values; empty = every baseline trial of the subject and variant is compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    field: str
    title: str = ""
    levels: tuple[str, ...] = ()
    baseline: str | None = None
    match: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> "Factor":
        if self.match and self.baseline is None:
            raise ValueError("'match' belongs to a factor with a baseline")
        if self.baseline is not None and self.levels and self.baseline not in self.levels:
            raise ValueError("'baseline' must be one of the levels")
        return self

    @property
    def label(self) -> str:
        return self.title or self.name

    def level_of(self, values: Mapping[str, Any] | None) -> str | None:
        """The level that a verdict's values say; None if they say none."""
        found = at_path(values, self.field)
        return str(found) if isinstance(found, str | int | float) and not isinstance(found, bool) else None

    def match_of(self, values: Mapping[str, Any] | None) -> tuple[Any, ...]:
        """What trials must have in common to be compared."""
        return tuple(at_path(values, field) for field in self.match)
