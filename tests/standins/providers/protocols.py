"""How does an answer look in each protocol, whole and in pieces? Written from the providers' own references (2026-11).

Nothing here is shared with the code under test.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What the model is to say. `stop` is the provider's own word; None = the ordinary one.

    `tool` is the input of the tool that is called instead of words; `tells_usage` whether the tokens are told.
    """

    text: str = "Paris it is."
    thought: str = ""
    stop: str | None = None
    tool: dict[str, Any] | None = None
    input_tokens: int = 12
    output_tokens: int = 5
    cached_tokens: int = 0
    tells_usage: bool = True

    @property
    def pieces(self) -> list[str]:
        return [self.text[at : at + 4] for at in range(0, len(self.text), 4)]


def protocol_of(path: str) -> str:
    if "enerateContent" in path:
        return "gemini"
    if path.endswith("/messages"):
        return "anthropic"
    return "cohere" if path.endswith("/v2/chat") else "chat"


def whole(protocol: str, said: Said, body: dict[str, Any]) -> dict[str, Any]:
    """The answer at once."""
    return {"chat": _chat, "anthropic": _anthropic, "gemini": _gemini, "cohere": _cohere}[protocol](said, body)


def pieces(protocol: str, said: Said, body: dict[str, Any]) -> Iterator[bytes]:
    """The answer as server-sent events, one after the other."""
    made = {
        "chat": _chat_events,
        "anthropic": _anthropic_events,
        "gemini": _gemini_events,
        "cohere": _cohere_events,
    }[protocol](said, body)
    for event in made:
        named = f"event: {event['type']}\n" if protocol in ("anthropic", "cohere") else ""
        yield f"{named}data: {json.dumps(event)}\n\n".encode()
    if protocol == "chat":
        yield b"data: [DONE]\n\n"


def _tool_name(body: dict[str, Any]) -> str:
    return str(body["tools"][0]["function"]["name"])


def _chat_usage(said: Said) -> dict[str, Any]:
    return {
        "prompt_tokens": said.input_tokens + said.cached_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.cached_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
    }


def _chat_head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1,
        "model": f"{body['model']}-2026",
        "system_fingerprint": "fp_1",
    }


def _chat(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.thought:
        message["reasoning_content"] = said.thought
    if said.tool is not None:
        arguments = json.dumps(said.tool)
        function = {"name": _tool_name(body), "arguments": arguments}
        message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    finish = said.stop or ("tool_calls" if said.tool is not None else "stop")
    usage = {"usage": _chat_usage(said)} if said.tells_usage else {}
    head = _chat_head(body, "chat.completion")
    return {**head, "choices": [{"index": 0, "message": message, "finish_reason": finish}], **usage}


def _chat_events(said: Said, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    head = _chat_head(body, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    if said.thought:
        yield chunk({"reasoning_content": said.thought})
    if said.tool is not None:
        text = json.dumps(said.tool)
        function = {"name": _tool_name(body), "arguments": ""}
        yield chunk({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]})
        for part in (text[:5], text[5:]):
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    else:
        for piece in said.pieces:
            yield chunk({"content": piece})
    yield chunk({}, said.stop or ("tool_calls" if said.tool is not None else "stop"))
    if said.tells_usage and body.get("stream_options", {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _chat_usage(said)}


def _anthropic_usage(said: Said) -> dict[str, Any]:
    return {
        "input_tokens": said.input_tokens,
        "output_tokens": said.output_tokens,
        "cache_read_input_tokens": said.cached_tokens,
        "cache_creation_input_tokens": 0,
        "service_tier": "standard",
    }


def _anthropic(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if said.thought:
        content.append({"type": "thinking", "thinking": said.thought, "signature": "s"})
    if said.tool is not None:
        content.append({"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": said.tool})
    else:
        content.append({"type": "text", "text": said.text})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-2026",
        "content": content,
        "stop_reason": said.stop or ("tool_use" if said.tool is not None else "end_turn"),
        "stop_sequence": None,
        "usage": _anthropic_usage(said),
    }


def _anthropic_events(said: Said, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = _anthropic(said, body)
    usage = {**message["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[kind]
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        if kind == "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in said.pieces]
        elif kind == "thinking":
            deltas = [
                {"type": "thinking_delta", "thinking": said.thought},
                {"type": "signature_delta", "signature": "s"},
            ]
        else:
            text = json.dumps(said.tool)
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:5], text[5:])]
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": said.output_tokens},
    }
    yield {"type": "message_stop"}


def _gemini_usage(said: Said) -> dict[str, Any]:
    return {
        "promptTokenCount": said.input_tokens + said.cached_tokens,
        "candidatesTokenCount": said.output_tokens - 1,
        "thoughtsTokenCount": 1,
        "cachedContentTokenCount": said.cached_tokens,
    }


def _gemini_part(said: Said, body: dict[str, Any], text: str) -> dict[str, Any]:
    if said.tool is None:
        return {"text": text}
    return {"functionCall": {"name": body["tools"][0]["function_declarations"][0]["name"], "args": said.tool}}


def _gemini(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    parts = [{"text": said.thought, "thought": True}] if said.thought else []
    parts.append(_gemini_part(said, body, said.text))
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": said.stop or "STOP", "index": 0}
    usage = {"usageMetadata": _gemini_usage(said)} if said.tells_usage else {}
    return {"candidates": [candidate], **usage, "modelVersion": "gemini-2026", "responseId": "resp-1"}


def _gemini_events(said: Said, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    last = _gemini(said, body)
    texts = said.pieces if said.tool is None else [""]
    parts = [_gemini_part(said, body, text) for text in texts]
    parts = [*([{"text": said.thought, "thought": True}] if said.thought else []), *parts]
    for part in parts[:-1]:
        yield {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]}
    last["candidates"][0]["content"]["parts"] = parts[-1:]
    yield last


def _cohere(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if said.tool is not None:
        function = {"name": _tool_name(body), "arguments": json.dumps(said.tool)}
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": function}]
    else:
        thought = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
        message["content"] = [*thought, {"type": "text", "text": said.text}]
    return {
        "id": "c-1",
        "finish_reason": said.stop or ("TOOL_CALL" if said.tool is not None else "COMPLETE"),
        "message": message,
        "usage": _cohere_usage(said),
    }


def _cohere_usage(said: Said) -> dict[str, Any]:
    tokens = {"input_tokens": said.input_tokens + said.cached_tokens, "output_tokens": said.output_tokens}
    return {"billed_units": tokens, "tokens": tokens, "cached_tokens": said.cached_tokens}


def _cohere_events(said: Said, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    answer = _cohere(said, body)
    yield {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant", "content": []}}}
    if said.tool is not None:
        call = {"id": "c1", "type": "function", "function": {"name": _tool_name(body), "arguments": ""}}
        yield {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}}
        text = json.dumps(said.tool)
        for part in (text[:5], text[5:]):
            function = {"function": {"arguments": part}}
            yield {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": function}}}
        yield {"type": "tool-call-end", "index": 0}
    else:
        yield {
            "type": "content-start",
            "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": ""}}},
        }
        for piece in said.pieces:
            yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
        yield {"type": "content-end", "index": 0}
    delta = {"finish_reason": answer["finish_reason"], "usage": answer["usage"]}
    yield {"type": "message-end", "id": "c-1", "delta": delta}
