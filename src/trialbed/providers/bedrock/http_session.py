"""How does a request that is whole already get to the service, and its answer back? Over the SDK's own HTTP session.

The SDK's `send` works much out again for every request that was the same for the last: the address, the
proxy, the types of the headers. `post` does so once. Pool, time-outs and TLS settings are those of the
session; behind a proxy it leaves everything to `send`.

Seams of the SDK: `AIOHTTPSession._get_session` and `._proxy_config`. Without them every request goes by `send`.
"""

from dataclasses import dataclass
from typing import Any

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from aiohttp import ClientResponse, TraceConfig
from botocore.awsrequest import AWSPreparedRequest
from yarl import URL

from trialbed.providers.bedrock.template import Sent

_SEAMS = ("_get_session", "_proxy_config")
_REQUEST_ID = "x-amzn-requestid"


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, read to its end. `sdk_response` is what the SDK would make of it."""

    status: int
    request_id: str | None
    body: bytes
    sdk_response: Any


class HttpSession(AIOHTTPSession):
    """The HTTP session of one client."""

    def __init__(self, *, trace: TraceConfig | None = None, **settings: Any) -> None:
        """`trace` hears of the connections that are made."""
        super().__init__(**settings)
        self._trace = trace
        self._has_seams = all(hasattr(self, seam) for seam in _SEAMS)
        self._urls: dict[str, URL | None] = {}

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        if self._trace is not None and self._trace not in session.trace_configs:
            session.trace_configs.append(self._trace)
        return session

    async def post(self, request: Sent) -> Received:
        """Send a request and read the answer, whatever its status. Raises what the SDK's `send` raises."""
        url = self._url(request.url)
        if url is None:
            return await self._through_send(request)
        try:
            session = await self._get_session(None)
            headers = {**request.headers, "Accept-Encoding": "identity"}
            response: ClientResponse = await session.request(request.method, url, headers=headers, data=request.body)
            body = await response.read()
        except Exception as error:
            await _Failed(error).send(_prepared(request))
            raise
        sdk_response = None if 200 <= response.status < 300 else _as_sdk_response(response)
        return Received(response.status, response.headers.get(_REQUEST_ID), body, sdk_response)

    def _url(self, text: str) -> URL | None:
        """The address as the HTTP client takes it; None if the short way does not lead there."""
        if text not in self._urls:
            is_short = self._has_seams and self._proxy_config.proxy_url_for(text) is None
            self._urls[text] = URL(text, encoded=True) if is_short else None
        return self._urls[text]

    async def _through_send(self, request: Sent) -> Received:
        response = await self.send(_prepared(request))
        return Received(response.status_code, response.headers.get(_REQUEST_ID), await response.content, response)


class _Failed(AIOHTTPSession):
    """A session in which every request fails as one has: its `send` raises the SDK's own error for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def _get_session(self, proxy_url: str | None) -> Any:
        raise self._error


def _prepared(request: Sent) -> Any:
    return AWSPreparedRequest(request.method, request.url, request.headers, request.body, False)


def _as_sdk_response(response: ClientResponse) -> Any:
    headers = {name.decode("utf-8").lower(): value.decode("utf-8") for name, value in response.raw_headers}
    return AioAWSResponse(str(response.url), response.status, headers, response)
