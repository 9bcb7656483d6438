"""What did a collector receive? OTLP's messages, decoded by the protocol's own classes into plain values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True)
class ReceivedSpan:
    """Ids in hex; `parent_id` None = the root. `status` is unset, ok or error, `message` what is said of it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    status: str
    message: str
    resource: dict[str, Any]
    schema_url: str


def spans_in(body: bytes) -> Iterator[ReceivedSpan]:
    """All spans of one request.

    Raises:
        google.protobuf.message.DecodeError: it is no such request.
    """
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _plain(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield ReceivedSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex() or None,
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    began_ns=span.start_time_unix_nano,
                    ended_ns=span.end_time_unix_nano,
                    attributes=_plain(span.attributes),
                    status=Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
                    message=span.status.message,
                    resource=resource,
                    schema_url=scope_spans.schema_url,
                )


def _plain(attributes: Iterable[Any]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(inner) for inner in value.array_value.values]
    return getattr(value, kind)
