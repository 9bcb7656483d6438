"""What of a Converse request never changes, and how is the rest filled in? Pure.

A template is read off one request that the SDK has made and signed itself, for one model and one way of
signing. It is used only if, filled in with that request's own time, ids and keys, it gives that request
back to the byte; so a newer SDK that does anything differently is seen at its first call.

The signature is AWS Signature Version 4 as published (docs: "Create a signed AWS API request"). Path and
headers come in the canonical form that botocore's own signer gives them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from typing import Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=[0-9a-f]{64}"
)
_FIXED = {"content-type", "user-agent", "amz-sdk-request"}
_FILLED_IN = {"content-length", "amz-sdk-invocation-id", "authorization", "x-amz-date", "x-amz-security-token"}
_FIRST_ATTEMPT = "attempt=1"


class Keys(Protocol):
    """What a request is signed with."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is handed to the HTTP client; the names of its headers in their order."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is different in each call. `time` in UTC, like 20261121T120000Z."""

    time: str
    invocation_id: str
    keys: Keys | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)


class Template:
    """All requests to one model that are signed in one way."""

    def __init__(self, sent: Sent, signature: "_Signature | None") -> None:
        self._url = sent.url
        self._method = sent.method
        # No value of that one request stays, its keys least of all; the order of the names does.
        self._headers = {name: "" if name.lower() in _FILLED_IN else value for name, value in sent.headers.items()}
        self._signature = signature

    @property
    def takes_keys(self) -> bool:
        """Whether its requests are signed; if not, they bear an API key."""
        return self._signature is not None

    def suits(self, keys: Keys | None) -> bool:
        """Whether a request with these keys has the same headers."""
        if self._signature is None:
            return True
        return keys is not None and bool(keys.token) == ("X-Amz-Security-Token" in self._headers)

    def request(self, body: bytes, moment: Moment) -> Sent:
        """The request with this body.

        Raises:
            ValueError: `moment` lacks the keys to sign with; `suits` tells before.
        """
        headers = self._headers.copy()
        headers["amz-sdk-invocation-id"] = moment.invocation_id
        headers["Content-Length"] = str(len(body))
        if self._signature is None:
            headers["Authorization"] = f"Bearer {moment.api_key}"
        elif moment.keys is None:
            raise ValueError("nothing to sign with")
        else:
            headers["X-Amz-Date"] = moment.time
            if moment.keys.token:
                headers["X-Amz-Security-Token"] = moment.keys.token
            headers["Authorization"] = self._signature.authorization(body, moment.time, moment.keys)
        return Sent(self._method, self._url, headers, body)


def read_off(sent: Sent, keys: Keys | None, api_key: str | None) -> Template | None:
    """The template of a request made by the SDK, or None if it holds anything that is not understood.

    Args:
        keys: what the SDK signed it with, if it did.
        api_key: the API key in the environment, if there is one; the SDK may have sent it or not.
    """
    headers = {name.lower(): value for name, value in sent.headers.items()}
    if not headers.keys() <= _FIXED | _FILLED_IN or headers.get("amz-sdk-request") != _FIRST_ATTEMPT:
        return None
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found and keys is not None:
        template = Template(sent, _Signature(sent, found, headers.get("x-amz-date", "")))
    elif headers.get("authorization") == f"Bearer {api_key}":
        template = Template(sent, None)
    else:
        return None
    moment = Moment(headers.get("x-amz-date", ""), headers.get("amz-sdk-invocation-id", ""), keys, api_key)
    again = template.request(sent.body, moment)
    is_the_same = again == sent and list(again.headers) == list(sent.headers)
    return template if is_the_same else None


class _Signature:
    """Signature Version 4 of requests that differ only in time, keys and body."""

    def __init__(self, sent: Sent, found: re.Match[str], time: str) -> None:
        signed = found["signed"].split(";")
        headers = {name: value for name, value in sent.headers.items() if name.lower() in signed}
        request = AWSRequest(sent.method, sent.url, headers=headers, data=sent.body)
        canonical: str = SigV4Auth(None, found["service"], found["region"]).canonical_request(request)
        # Headers stand in alphabetical order: the time is last but for the session token.
        self._head = canonical.partition(f"\nx-amz-date:{time}\n")[0] + "\nx-amz-date:"
        self._signed = found["signed"]
        self._region, self._service = found["region"], found["service"]
        # Of the last day and secret only: it changes at midnight or when the keys do.
        self._key_of: tuple[str, str] = ("", "")
        self._key = b""

    def authorization(self, body: bytes, time: str, keys: Keys) -> str:
        """The value of the header."""
        scope = f"{time[:8]}/{self._region}/{self._service}/aws4_request"
        # Spaces as botocore's canonical form has them.
        token = f"\nx-amz-security-token:{' '.join(keys.token.split())}" if keys.token else ""
        canonical = f"{self._head}{time}{token}\n\n{self._signed}\n{sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(self._signing_key(time[:8], keys.secret_key), text.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, "
            f"SignedHeaders={self._signed}, Signature={signature}"
        )

    def _signing_key(self, day: str, secret: str) -> bytes:
        if self._key_of != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._key, self._key_of = key, (day, secret)
        return self._key
