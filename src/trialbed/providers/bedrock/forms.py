"""In which way is a structured answer asked for, and what if the model will not take that way? Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialbed.core.errors import CallError, InvalidRequest
from trialbed.core.model import AnswerForm
from trialbed.providers.answer_forms import AnswerMode, instruction, next_mode, schema_text

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
                instruction(form, mode),
            )
        case "json_text":
            return FormRequest({}, instruction(form, mode))


def mode_below(mode: AnswerMode, error: CallError) -> AnswerMode | None:
    """The mode to try after `error` refused `mode`, or None if the error is about something else."""
    about_form = (
        isinstance(error, InvalidRequest)
        and error.code in ("ValidationException", "ParamValidationError")
        and _ABOUT_FORM.search(error.detail) is not None
    )
    return next_mode(mode) if about_form else None


def refused_member(mode: AnswerMode) -> str | None:
    """The request member, in snake case, that a model which refuses `mode` will not take."""
    return _REFUSED_MEMBER.get(mode)


def _text_format(form: AnswerForm) -> dict[str, Any]:
    definition = {"name": form.name, "description": form.description, "schema": schema_text(form)}
    return {"type": "json_schema", "structure": {"jsonSchema": definition}}


def _tool(form: AnswerForm) -> dict[str, Any]:
    spec = {"name": form.name, "description": form.description, "inputSchema": {"json": dict(form.schema)}}
    return {"toolSpec": spec}
