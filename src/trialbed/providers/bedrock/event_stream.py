"""How is one attempt at ConverseStream made? The stream is read to its end before anything is made of it.

The SDK sends the request; what comes back is read here, because its parser drops members it does not know.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.eventstream import EventStreamBuffer, ParserError

from trialbed.core.errors import BrokenStream, MalformedBody
from trialbed.providers.bedrock import wire
from trialbed.providers.bedrock.assembly import Event, assembled
from trialbed.providers.bedrock.errors import stream_error
from trialbed.providers.bedrock.mapping import Answer
from trialbed.providers.stopwatch import Stopwatch, running

_UNREADABLE = (ParserError, struct.error, KeyError, UnicodeDecodeError)
"""Of botocore's decoder: a checksum that does not hold, or lengths and types that make no sense."""


async def converse_stream(sdk_client: Any, parameters: Mapping[str, Any]) -> Answer:
    """The whole answer, as Converse would have sent it.

    Raises:
        CallError: the stream broke, or says what went wrong; and whatever the SDK and its HTTP client raise.
    """
    watch = Stopwatch()
    before = running.set(watch)
    try:
        response = await sdk_client.converse_stream(**parameters)
    finally:
        running.reset(before)
    request_id = response.get("ResponseMetadata", {}).get("RequestId")
    received = response[wire.RAW_STREAM]
    buffer = EventStreamBuffer()
    events: list[Event] = []
    try:
        async for data in received.content.iter_any():
            at = watch.now()
            buffer.add_data(data)
            for event in _events(buffer, request_id):
                watch.heard(_text_of(event), at)
                events.append(event)
    finally:
        # Of a stream that was read to its end the connection is back in the pool by now; of any other it is
        # closed, be it that the call was cancelled: nobody reads on, and the model need not go on either.
        received.close()
    timing = watch.read()
    return Answer(assembled(events, request_id=request_id), request_id, timing)


def _text_of(event: Event) -> str:
    """The visible text that a piece brings; what is malformed is told by whoever puts the answer together."""
    delta = event.payload.get("delta") if event.kind == "contentBlockDelta" else None
    text = delta.get("text") if isinstance(delta, Mapping) else None
    return text if isinstance(text, str) else ""


def _events(buffer: EventStreamBuffer, request_id: str | None) -> Iterator[Event]:
    """The events that are complete by now."""
    try:
        messages = list(buffer)
    except _UNREADABLE as error:
        detail = f"an event could not be read ({type(error).__name__})"
        raise BrokenStream(detail, code="BrokenStream", http_status=200, request_id=request_id) from None
    for message in messages:
        yield _event(message.headers, message.payload, request_id)


def _event(headers: Mapping[str, Any], payload: bytes, request_id: str | None) -> Event:
    members = wire.json_or_none(payload)
    if headers.get(":message-type", "event") != "event":
        code = headers.get(":exception-type") or headers.get(":error-code")
        said = members if isinstance(members, dict) else {"message": headers.get(":error-message")}
        raise stream_error(str(code or "unknown"), said, request_id)
    if not isinstance(members, dict):
        detail = "an event is no JSON object"
        raise MalformedBody(detail, code="MalformedBody", http_status=200, request_id=request_id)
    return Event(str(headers.get(":event-type")), members)
