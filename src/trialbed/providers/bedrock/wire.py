"""What goes over the wire beyond what the pinned SDK knows? Two corrections, made by botocore events.

They hold for Converse and ConverseStream. Request members that its service model lacks (`serviceTier`,
`outputConfig` as of botocore 1.40) are taken out before parameter validation, which is local, and put into
the JSON body before it is signed. An SDK that knows a member later sends it by itself.

Of an answer the raw JSON body is kept, because the SDK's parser drops members it does not know, turns
numbers of the wrong type round and raises bare errors on some malformed bodies. A stream is left unread
(see `event_stream`).
"""

import json
from typing import Any

RAW_BODY = "RawBody"
"""Where the JSON body of a 200 is found in what the client returns; None if the body is no JSON."""

RAW_STREAM = "RawStream"
"""Where the HTTP response to ConverseStream is found, of which nothing has been read but the headers."""

_OPERATIONS = ("bedrock-runtime.Converse", "bedrock-runtime.ConverseStream")
_CONTEXT_KEY = "trialbed_members"
_ERROR_MEMBERS = {
    "message": str,
    "Message": str,
    "__type": str,
    "code": str,
    "originalStatusCode": int,
    "resourceName": str,
}


def install(events: Any) -> None:
    """Register the corrections with the event emitter of a `bedrock-runtime` client."""
    for operation in _OPERATIONS:
        events.register(f"provide-client-params.{operation}", _take_out_unknown)
        events.register(f"before-call.{operation}", _put_into_body)
        events.register(f"before-parse.{operation}", _keep_raw)


def _take_out_unknown(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> dict[str, Any]:
    known = model.input_shape.members
    context[_CONTEXT_KEY] = {name: value for name, value in params.items() if name not in known}
    return {name: value for name, value in params.items() if name in known}


def _put_into_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if members := context.get(_CONTEXT_KEY):
        # Before signing: the signature is made over the body when the request is created, after this event.
        params["body"] = json.dumps({**json.loads(params["body"]), **members}).encode("ascii")


def _keep_raw(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    if response_dict["status_code"] >= 300:
        _make_readable(response_dict)
    elif operation_model.has_event_stream_output:
        customized_response_dict[RAW_STREAM] = response_dict["body"]
    else:
        customized_response_dict[RAW_BODY] = json_or_none(response_dict["body"])
        response_dict["body"] = b"{}"


def _make_readable(response_dict: dict[str, Any]) -> None:
    """Leave of an error's body what the SDK's parser can read."""
    body = json_or_none(response_dict["body"])
    if isinstance(body, dict):
        kept = {name: body[name] for name, kind in _ERROR_MEMBERS.items() if isinstance(body.get(name), kind)}
        response_dict["body"] = json.dumps(kept).encode("ascii")
    elif response_dict["body"] and response_dict["status_code"] < 500:
        response_dict["body"] = b'{"message": "the answer is not JSON"}'
    else:
        # A gateway's page: botocore makes an error of the bare status only if the body is empty.
        response_dict["body"] = b""


def json_or_none(body: bytes) -> Any:
    """What a body says; None if it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
