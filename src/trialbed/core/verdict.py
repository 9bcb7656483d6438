"""What does one judge, or one rule, say of a transcript? Absent means not judged; never 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """`values` are what was found; `judge` names the model, or is None for a rule in code."""

    name: str
    values: Mapping[str, Any]
    judge: str | None = None
    rubric_version: str | None = None
    prompt_hash: str | None = None

    @classmethod
    def of(cls, name: str, /, **values: Any) -> "Verdict":
        """A verdict reached by code alone: `Verdict.of("exact", right=True)`."""
        return cls(name=name, values=values)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "judge": self.judge,
            "rubric_version": self.rubric_version,
            "prompt_hash": self.prompt_hash,
            "values": dict(self.values),
        }
