"""How is LiteLLM told what to ask? A request as parameters of its `acompletion`; pure."""

from typing import Any

from trialbed.core.model import BUDGETED, AnswerForm, ModelRequest, Sampling
from trialbed.providers.answer_forms import AnswerMode, instruction
from trialbed.providers.litellm.table import Provider

_CACHED = {"type": "ephemeral"}


def parameters_of(request: ModelRequest, mode: AnswerMode | None, provider: Provider) -> dict[str, Any]:
    """The parameters of a call, without key and address.

    Args:
        request: its sampling is passed on as it stands; a timed one asks for a stream.
        mode: how the form is asked for; None without a form.
    """
    allowed: list[str] = []
    parameters: dict[str, Any] = {
        "model": f"{provider.prefix}/{request.model.id}",
        "messages": _messages(request, mode),
        **_sampling(request.sampling),
    }
    if request.form is not None and mode is not None:
        form = _form(request.form, mode)
        parameters |= form
        # Whether a model takes it is the provider's to say; LiteLLM refuses it for models that it does not know.
        allowed += form if provider.protocol == "chat" else ()
    if request.is_timed:
        parameters["stream"] = True
    if request.is_timed and provider.asks_usage:
        # For some providers LiteLLM leaves it out without a word.
        parameters["stream_options"] = {"include_usage": True}
        allowed.append("stream_options")
    return parameters | ({"allowed_openai_params": allowed} if allowed else {})


def _sampling(sampling: Sampling) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "reasoning_effort": sampling.effort,
    }
    if isinstance(sampling.thinking, int):
        asked["thinking"] = {"type": BUDGETED, "budget_tokens": sampling.thinking}
    elif sampling.thinking is not None:
        asked["thinking"] = {"type": sampling.thinking}
    return {name: value for name, value in asked.items() if value is not None}


def _messages(request: ModelRequest, mode: AnswerMode | None) -> list[dict[str, Any]]:
    """With `prompt_cache` the shared beginnings are marked: the system text, and all before the newest turn."""
    asked = None if request.form is None or mode is None else instruction(request.form, mode)
    system = "\n\n".join(text for text in (request.system, asked) if text)
    marks = request.service.prompt_cache
    messages = [_message("system", system, marked=marks)] if system else []
    last_shared = len(request.messages) - 2
    for place, message in enumerate(request.messages):
        messages.append(_message(message.role, message.text, marked=marks and place == last_shared))
    return messages


def _message(role: str, text: str, *, marked: bool) -> dict[str, Any]:
    if not marked:
        return {"role": role, "content": text}
    return {"role": role, "content": [{"type": "text", "text": text, "cache_control": _CACHED}]}


def _form(form: AnswerForm, mode: AnswerMode) -> dict[str, Any]:
    schema = dict(form.schema)
    tool = {"name": form.name, "description": form.description, "parameters": schema}
    match mode:
        case "json_schema":
            definition = {"name": form.name, "description": form.description, "strict": True, "schema": schema}
            return {"response_format": {"type": "json_schema", "json_schema": definition}}
        case "forced_tool":
            choice = {"type": "function", "function": {"name": form.name}}
            return {"tools": [{"type": "function", "function": tool}], "tool_choice": choice}
        case "auto_tool":
            return {"tools": [{"type": "function", "function": tool}]}
        case "json_text":
            return {}
