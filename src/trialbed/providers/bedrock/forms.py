"""In which way is a structured answer asked for, and what if the model will not take that way? Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trialbed.core.errors import CallError, InvalidRequest
from trialbed.core.model import AnswerForm

AnswerMode = Literal["json_schema", "forced_tool", "auto_tool", "json_text"]

LADDER: tuple[AnswerMode, ...] = ("json_schema", "forced_tool", "auto_tool", "json_text")
"""From the way that binds the model most to the one that every model takes."""

_REFUSED_MEMBER = {"json_schema": "output_config", "forced_tool": "tool_choice", "auto_tool": "tools"}

_ABOUT_FORM = re.compile(r"(?i)tool|output_?config|text_?format|structured output|schema|response_format")


@dataclass(frozen=True, slots=True)
class FormRequest:
    """What a form adds to a Converse request. `instruction` goes to the end of the system prompt."""

    members: Mapping[str, Any]
    instruction: str | None = None


def form_request(form: AnswerForm, mode: AnswerMode) -> FormRequest:
    """How `form` is asked for in `mode`."""
    match mode:
        case "json_schema":
            return FormRequest({"outputConfig": {"textFormat": _text_format(form)}})
        case "forced_tool":
            return FormRequest({"toolConfig": {"tools": [_tool(form)], "toolChoice": {"tool": {"name": form.name}}}})
        case "auto_tool":
            return FormRequest(
                {"toolConfig": {"tools": [_tool(form)], "toolChoice": {"auto": {}}}},
                f"Answer only by calling the tool {form.name}.",
            )
        case "json_text":
            return FormRequest(
                {},
                f"Answer with one JSON object and nothing else, no code fence: {form.description}. "
                f"It must fit this JSON schema: {_schema_text(form)}",
            )


def mode_below(mode: AnswerMode, error: CallError) -> AnswerMode | None:
    """The mode to try after `error` refused `mode`, or None if the error is about something else."""
    about_form = (
        isinstance(error, InvalidRequest)
        and error.code in ("ValidationException", "ParamValidationError")
        and _ABOUT_FORM.search(error.detail) is not None
    )
    return next_mode(mode) if about_form else None


def next_mode(mode: AnswerMode) -> AnswerMode | None:
    """The mode below `mode`, or None below the last."""
    below = LADDER[LADDER.index(mode) + 1 :]
    return below[0] if below else None


def refused_member(mode: AnswerMode) -> str | None:
    """The request member, in snake case, that a model which refuses `mode` will not take."""
    return _REFUSED_MEMBER.get(mode)


def json_object(text: str) -> dict[str, Any] | None:
    """The one JSON object that `text` is, or None. Strict: no NaN, no doubled keys, nothing around it."""
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text_format(form: AnswerForm) -> dict[str, Any]:
    definition = {"name": form.name, "description": form.description, "schema": _schema_text(form)}
    return {"type": "json_schema", "structure": {"jsonSchema": definition}}


def _tool(form: AnswerForm) -> dict[str, Any]:
    spec = {"name": form.name, "description": form.description, "inputSchema": {"json": dict(form.schema)}}
    return {"toolSpec": spec}


def _schema_text(form: AnswerForm) -> str:
    return json.dumps(dict(form.schema), ensure_ascii=True, allow_nan=False)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
