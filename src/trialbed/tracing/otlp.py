"""How does a batch of spans go to a collector? OpenTelemetry's own exporter, OTLP over HTTP/protobuf.

The only file that imports OpenTelemetry, so whoever imports this one pays for that: it is done in the thread.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from trialbed.core.redact import ACCOUNT_MASK
from trialbed.tracing.attributes import SCHEMA_URL
from trialbed.tracing.span import Attributes, FinishedSpan, Value

_SERVICE = "service.name"
_ACCOUNT = "cloud.account.id"
"""A bare number, which nothing else could know for what it is."""
_PROTOBUF = "application/x-protobuf"
_OF_OTLP = frozenset({"content-type", "content-encoding", "user-agent"})


@dataclass(frozen=True)
class Destination:
    """Where spans go. None of `endpoint` and `headers` = as the OTEL_EXPORTER_OTLP_* variables say.

    `headers` are the only ones sent, where they are given: those of the variables belong to another collector.
    """

    endpoint: str | None = None
    headers: Mapping[str, str] | None = None


class OtlpExporter:
    """Encodes, redacts and sends. Retries and time-outs are OpenTelemetry's."""

    def __init__(self, destination: Destination, resource: Attributes, redact: Callable[[str], str]) -> None:
        # It would speak to the terminal, with addresses and answers in it; what is worth saying is said in one line.
        library = logging.getLogger("opentelemetry")
        library.addHandler(logging.NullHandler())
        library.propagate = False
        self._session = _WatchedSession(destination.headers)
        self._exporter = OTLPSpanExporter(
            endpoint=destination.endpoint, headers=destination.headers, session=self._session
        )
        self._redact = redact
        self._most_chars = SpanLimits().max_span_attribute_length
        self._resource = _redacted_resource(_with_ours(resource), redact)
        self._scope = InstrumentationScope("trialbed", str(resource["service.version"]), SCHEMA_URL)

    @property
    def trouble(self) -> str | None:
        return self._session.trouble

    def send(self, spans: Sequence[FinishedSpan]) -> int:
        result = self._exporter.export([self._readable(span) for span in spans])
        # A redirect counts as a success there; nobody took the spans.
        if result is not SpanExportResult.SUCCESS or self.trouble is not None:
            return 0
        return len(spans) - min(self._session.rejected, len(spans))

    def give_up(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: FinishedSpan) -> ReadableSpan:
        # Built whole, not through a Tracer: ids and times were given when it happened, and a tracer would make its own.
        attributes = {**self._clean(span.attributes), **span.texts()}
        if self._most_chars is not None:
            attributes = {name: _cut(value, self._most_chars) for name, value in attributes.items()}
        error = None if span.error is None else self._redact(span.error)
        return ReadableSpan(
            name=self._redact(span.name),
            context=_context(span.trace_id, span.span_id),
            parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
            resource=self._resource,
            attributes=attributes,
            kind=SpanKind.CLIENT if span.is_client else SpanKind.INTERNAL,
            status=Status(StatusCode.UNSET) if error is None else Status(StatusCode.ERROR, error),
            start_time=span.began_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )

    def _clean(self, attributes: Attributes) -> dict[str, Value]:
        """All texts redacted. One look at all of them together tells, nearly always, that there is nothing to do."""
        whole = "\n".join(value for value in attributes.values() if isinstance(value, str))
        if self._redact(whole) == whole:
            return dict(attributes)
        return {name: _redacted(value, self._redact) for name, value in attributes.items()}


class _WatchedSession(requests.Session):
    """Notes what each request came to, since the exporter only says that it failed."""

    def __init__(self, only_headers: Mapping[str, str] | None) -> None:
        super().__init__()
        self.trouble: str | None = None
        self.rejected = 0
        self._only = None if only_headers is None else {name.lower() for name in only_headers} | _OF_OTLP

    def request(self, method: Any, url: Any, *arguments: Any, **named: Any) -> requests.Response:
        headers = named.get("headers")
        if self._only is not None and headers is not None:
            named["headers"] = {name: value for name, value in headers.items() if name.lower() in self._only}
        try:
            response = super().request(method, url, *arguments, **named)
        except requests.RequestException as error:
            self.trouble = _in_words(error)
            raise
        self.trouble = None if response.status_code < 300 else f"HTTP {response.status_code}"
        self.rejected = _rejected(response)
        return response


def _rejected(response: requests.Response) -> int:
    """How many spans of a batch that was taken were not; such an answer is no error."""
    if response.headers.get("content-type") != _PROTOBUF:
        return 0
    try:
        return int(ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans)
    except DecodeError:
        return 0


def _in_words(error: requests.RequestException) -> str:
    """What the matter is, without the address and its query, which may hold a key."""
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS failed"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy cannot be reached"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _with_ours(resource: Attributes) -> Resource:
    """What we say of ourselves, and what the variables say: their name for the service wins."""
    asked = str(Resource.create().attributes[_SERVICE])
    named = {} if asked.startswith("unknown_service") else {_SERVICE: asked}
    return Resource.create({**resource, **named})


def _redacted_resource(resource: Resource, redact: Callable[[str], str]) -> Resource:
    found = {name: redact(value) if isinstance(value, str) else value for name, value in resource.attributes.items()}
    if _ACCOUNT in found:
        found[_ACCOUNT] = ACCOUNT_MASK
    return Resource(found, resource.schema_url)


def _redacted(value: Value, redact: Callable[[str], str]) -> Value:
    if isinstance(value, str):
        return redact(value)
    return [redact(part) for part in value] if isinstance(value, list | tuple) else value


def _cut(value: Value, most_chars: int) -> Value:
    return value[:most_chars] if isinstance(value, str) else value
