"""In which ways can a structured answer be asked for, whoever serves the model? Pure."""

import json
from typing import Any, Literal

from trialbed.core.model import AnswerForm

AnswerMode = Literal["json_schema", "forced_tool", "auto_tool", "json_text"]

LADDER: tuple[AnswerMode, ...] = ("json_schema", "forced_tool", "auto_tool", "json_text")
"""From the way that binds the model most to the one that every model takes."""


def instruction(form: AnswerForm, mode: AnswerMode) -> str | None:
    """What the end of the system prompt says of the form; None where the request itself binds the model."""
    match mode:
        case "auto_tool":
            return f"Answer only by calling the tool {form.name}."
        case "json_text":
            return (
                f"Answer with one JSON object and nothing else, no code fence: {form.description}. "
                f"It must fit this JSON schema: {schema_text(form)}"
            )
        case _:
            return None


def schema_text(form: AnswerForm) -> str:
    """The form's schema as JSON text."""
    return json.dumps(dict(form.schema), ensure_ascii=True, allow_nan=False)


def next_mode(mode: AnswerMode) -> AnswerMode | None:
    """The mode below `mode`, or None below the last."""
    below = LADDER[LADDER.index(mode) + 1 :]
    return below[0] if below else None


def json_object(text: str) -> dict[str, Any] | None:
    """The one JSON object that `text` is, or None. Strict: no NaN, no doubled keys, nothing around it."""
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
