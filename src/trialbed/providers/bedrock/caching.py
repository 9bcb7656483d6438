"""Where does a request say that its beginning may be cached? Pure.

Two places at most: after the system prompt, which all trials of a scenario share, and after what was said
before the newest turn, which the next turn repeats.
"""

from collections.abc import Mapping
from typing import Any

_POINT = {"cachePoint": {"type": "default"}}
_BYTES_PER_TOKEN = 3
"""Few, so that a beginning is rather marked in vain than not at all: what is too short is simply not cached."""


def put_cache_points(parameters: dict[str, Any], *, least_tokens: int) -> None:
    """Mark the shared beginnings of a Converse request, in place, where they are long enough to be cached."""
    tools, system, messages = parameters.get("toolConfig"), parameters.get("system"), parameters["messages"]
    size = 0 if tools is None else len(str(tools))
    if system:
        size += _bytes_in(system)
        if size >= least_tokens * _BYTES_PER_TOKEN:
            parameters["system"] = [*system, _POINT]
    if len(messages) > 1:
        size += sum(_bytes_in(message["content"]) for message in messages[:-1])
        if size >= least_tokens * _BYTES_PER_TOKEN:
            last = messages[-2]
            marked = {**last, "content": [*last["content"], _POINT]}
            parameters["messages"] = [*messages[:-2], marked, messages[-1]]


def has_cache_point(parameters: Mapping[str, Any]) -> bool:
    """Whether any beginning is marked."""
    messages = parameters["messages"]
    places = (parameters.get("system") or (), messages[-2]["content"] if len(messages) > 1 else ())
    return any("cachePoint" in block for blocks in places for block in blocks)


def _bytes_in(blocks: list[dict[str, Any]]) -> int:
    return sum(len(block["text"].encode("utf-8", "surrogatepass")) for block in blocks)
