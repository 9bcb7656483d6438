"""How is a call made without the work that the SDK repeats for every call? See COST.md for what it saves.

The first call to a model goes through the SDK and is watched: from its request, just before it is sent, a
template is read (see `template`). Later calls fill it in and go through the SDK's own HTTP session (see
`http_session`), so that its pool, time-outs, proxies, TLS settings and exceptions stay in force. What the
shortcut does not cover takes the plain way: parameters that the SDK would refuse or convert, and anything
about the request that is not understood. An answer that is not a 2xx is handed to the SDK to be read, in the
place of sending a request, so an error is what it always was.

Seams of the SDK: `http_session_cls` of AioConfig, the event `before-send`, the service model.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from time import gmtime, strftime
from typing import Any
from uuid import uuid4

from aiohttp import TraceConfig
from botocore.utils import get_token_from_environment

from trialbed.providers.bedrock import identity, wire
from trialbed.providers.bedrock.http_session import HttpSession
from trialbed.providers.bedrock.mapping import Answer
from trialbed.providers.bedrock.shapes import BodyOf
from trialbed.providers.bedrock.template import Keys, Moment, Sent, Template, read_off

_log = logging.getLogger(__name__)

Converse = Callable[[Mapping[str, Any]], Awaitable[Answer]]

_Key = tuple[str, bool]
"""A model's id, and whether an API key is in the environment."""

_MOST_FAILURES = 3


@dataclass(frozen=True, slots=True)
class _PlainCall:
    """A call on its way through the SDK: to be looked at, or with the HTTP response that needs only to be read."""

    look: Callable[[Any], None] | None = None
    response: Any = None


_plain_call: ContextVar[_PlainCall | None] = ContextVar("_plain_call", default=None)


class HttpSessionMaker:
    """What the SDK makes the HTTP session of a client by; `made` is that session."""

    def __init__(self, trace: TraceConfig | None = None) -> None:
        self.made: HttpSession | None = None
        self._trace = trace

    def __call__(self, **settings: Any) -> HttpSession:
        self.made = HttpSession(trace=self._trace, **settings)
        return self.made


class Shortcut:
    """Converse, the short way where it is known to come to the same.

    Args:
        plain: the same through the SDK.
        http: what was given to the SDK as `http_session_cls`.
        credentials: those that the SDK signs with.
    """

    def __init__(
        self, sdk_client: Any, *, plain: Converse, http: HttpSessionMaker, credentials: identity.RunCredentials
    ) -> None:
        self._plain = plain
        self._http = http
        self._credentials = credentials
        self._body_of = BodyOf(sdk_client.meta.service_model.operation_model("Converse").input_shape)
        self._templates: dict[_Key, Template] = {}
        self._failures: Counter[_Key] = Counter()
        sdk_client.meta.events.register("before-send.bedrock-runtime.Converse", _before_send)

    async def converse(self, parameters: Mapping[str, Any]) -> Answer:
        """One attempt. Raises what the SDK raises."""
        body = self._body_of(parameters)
        http = self._http.made
        if body is None or http is None:
            return await self._plain(parameters)
        # Whether a key is in the environment is what the SDK goes by, at each call.
        api_key = get_token_from_environment("bedrock")
        key = (parameters["modelId"], api_key is not None)
        template = self._templates.get(key)
        keys = await self._credentials.get_frozen_credentials() if template and template.takes_keys else None
        if template is None or not template.suits(keys):
            return await self._watched(parameters, body, key, api_key, keys)
        time = strftime("%Y%m%dT%H%M%SZ", gmtime())
        request = template.request(body, Moment(time, str(uuid4()), keys, api_key))
        received = await http.post(request)
        if not 200 <= received.status < 300:
            return await self._read_by_sdk(parameters, received.sdk_response, keys)
        return Answer(wire.json_or_none(received.body), received.request_id)

    async def _watched(
        self, parameters: Mapping[str, Any], body: bytes, key: _Key, api_key: str | None, keys: Keys | None
    ) -> Answer:
        """One attempt through the SDK, from which a template is read unless that failed before."""
        if self._failures[key] >= _MOST_FAILURES:
            return await self._plain(parameters)
        with identity.one_identity(keys) as signed:

            def look(request: Any) -> None:
                sent = _sent(request)
                template = read_off(sent, signed.keys, api_key) if sent.body == body else None
                if template is None:
                    raise ValueError("the request is not the expected one")
                self._templates[key] = template

            with _going_plain(_PlainCall(look=partial(self._try, look, key))):
                return await self._plain(parameters)

    def _try(self, look: Callable[[Any], None], key: _Key, request: Any) -> None:
        try:
            look(request)
        except Exception as error:  # whatever a newer SDK does differently may cost the shortcut, never the call
            self._failures[key] += 1
            _log.info("Converse goes through the plain SDK: %s in its request", type(error).__name__)

    async def _read_by_sdk(self, parameters: Mapping[str, Any], response: Any, keys: Keys | None) -> Answer:
        """What the SDK makes of a response; nothing is sent. Raises what the SDK raises."""
        with identity.one_identity(keys), _going_plain(_PlainCall(response=response)):
            return await self._plain(parameters)


@contextmanager
def _going_plain(call: _PlainCall) -> Iterator[None]:
    before = _plain_call.set(call)
    try:
        yield
    finally:
        _plain_call.reset(before)


def _before_send(request: Any, **_: Any) -> Any:
    """Of the SDK's event: what is returned stands for the HTTP response, None lets the request be sent."""
    call = _plain_call.get()
    if call is not None and call.look is not None:
        call.look(request)
    return None if call is None else call.response


def _sent(request: Any) -> Sent:
    headers = {
        name: value.decode("ascii") if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    return Sent(request.method, request.url, headers, request.body)
