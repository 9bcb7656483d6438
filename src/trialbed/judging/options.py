"""What does each option of an answer mean? Said in the answer model, so that it is shuffled with it.

An option list that is explained in the text of a question keeps the author's order there, which undoes
the shuffling of the list itself.
"""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field
from pydantic.config import JsonDict

MEANINGS = "x-option-meanings"
"""Key in a field's JSON schema; taken out again before a schema is sent."""


def options(meanings: Mapping[str, str], *, description: str | None = None) -> Any:
    """A field whose Literal options are explained: `mood: Literal["up", "down"] = options({"up": …, "down": …})`."""
    extra = cast(JsonDict, {MEANINGS: dict(meanings)})
    return Field(description=description, json_schema_extra=extra)
