"""As whom are requests signed at this moment? The usual AWS chain, or a role that is renewed in time.

The client asks before every signature. The chain is read by a fresh SDK session each time it is
resolved, because a session keeps the files it has read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.credentials import ReadOnlyCredentials
from botocore.tokens import FrozenAuthToken
from botocore.utils import get_token_from_environment

from trialbed.providers.bedrock.errors import credentials_error

_log = logging.getLogger(__name__)

_LONGEST_MARGIN = timedelta(minutes=10)
_STS_ATTEMPTS = 3
_ROLE_SESSION_NAME = "trialbed"


class SigningCredentials(Protocol):
    """What botocore asks of credentials."""

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None: ...


Resolve = Callable[[], Awaitable[SigningCredentials | None]]


async def resolve_chain() -> SigningCredentials | None:
    """Credentials of the usual AWS chain as files and environment are now; None if there are none."""
    found: SigningCredentials | None = await AioSession().get_credentials()
    return found


@dataclass(slots=True)
class OneCall:
    """What one call was signed with, once it was."""

    keys: ReadOnlyCredentials | None = field(default=None, repr=False)


_one_call: ContextVar[OneCall | None] = ContextVar("_one_call", default=None)


@contextmanager
def one_identity(keys: ReadOnlyCredentials | None) -> Iterator[OneCall]:
    """Within, all is signed with the same keys: those given, else those first asked for."""
    call = OneCall(keys)
    before = _one_call.set(call)
    try:
        yield call
    finally:
        _one_call.reset(before)


class RunCredentials:
    """The credentials of the run: one object that the client keeps while what is in it changes."""

    method = "trialbed"

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._current: SigningCredentials | None = None

    @property
    def are_there(self) -> bool:
        return self._current is not None

    async def resolve(self) -> None:
        """Read the chain, raising whatever it raises: for start-up, where the user is told."""
        self._current = await self._resolve()

    async def prove(self) -> None:
        """Obtain what is signed with, raising whatever the way to it raises: for start-up too."""
        if self._current is not None:
            await self._current.get_frozen_credentials()

    async def refresh(self) -> None:
        """Read the chain anew; what was there stays if nothing is found. Never raises an error."""
        try:
            found = await self._resolve()
        except Exception as error:  # any provider of the chain, with errors of its own; the next call shows the outcome
            _log.warning("AWS credentials could not be read anew: %s", credentials_error(error))
            return
        self._current = found or self._current

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None:
        """What to sign with now.

        Raises:
            CredentialsExpired: they could not be had or renewed.
        """
        call = _one_call.get()
        if call is not None and call.keys is not None:
            return call.keys
        if self._current is None:
            return None
        try:
            keys = await self._current.get_frozen_credentials()
        except Exception as error:  # any provider of the chain: a process, SSO, STS, instance metadata
            raise credentials_error(error) from None
        if call is not None:
            call.keys = keys
        return keys

    async def get_account_id(self) -> str | None:
        """For endpoint rules that name the account; Bedrock has none."""
        return None

    def get_deferred_property(self, _: str) -> Callable[[], Awaitable[str | None]]:
        """The SDK asks for the account by name when the client is made."""
        return self.get_account_id


class AssumedRole:
    """Credentials of a role, assumed anew before they expire; one renewal at a time.

    The margin is a quarter of the session, at most ten minutes: the SDK's own fixed margins would ask
    STS before every single call where sessions last a quarter of an hour.
    """

    def __init__(
        self, assume: Callable[[], Awaitable[dict[str, Any]]], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._assume = assume
        self._now = now
        self._lock = asyncio.Lock()
        self._frozen: ReadOnlyCredentials | None = None
        self._renew_at = self._expires_at = datetime.min.replace(tzinfo=UTC)

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None:
        if self._now() >= self._renew_at:
            async with self._lock:
                if self._now() >= self._renew_at:
                    await self._renew()
        return self._frozen

    async def _renew(self) -> None:
        asked_at = self._now()
        try:
            credentials = await self._assume()
        except Exception as error:  # whatever STS or the way to it did: what still works is used on
            if asked_at >= self._expires_at:
                raise
            _log.warning("the role could not be renewed yet: %s", credentials_error(error))
            self._renew_at = asked_at + (self._expires_at - asked_at) / 4
            return
        self._expires_at = credentials["Expiration"]
        self._renew_at = self._expires_at - min((self._expires_at - asked_at) / 4, _LONGEST_MARGIN)
        self._frozen = ReadOnlyCredentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], None
        )


def resolve_role(role_arn: str, external_id: str | None, region: str | None) -> Resolve:
    """Resolves to the role, assumed from the chain as it is at each renewal."""
    request = {"RoleArn": role_arn, "RoleSessionName": _ROLE_SESSION_NAME}
    if external_id:
        request["ExternalId"] = external_id

    async def assume() -> dict[str, Any]:
        # Free and without effect, so the SDK's own attempts do no harm here.
        config = AioConfig(retries={"total_max_attempts": _STS_ATTEMPTS, "mode": "standard"})
        async with AioSession().create_client("sts", region_name=region, config=config) as sts:
            response = await sts.assume_role(**request)
        credentials: dict[str, Any] = response["Credentials"]
        return credentials

    async def resolve() -> SigningCredentials | None:
        return AssumedRole(assume)

    return resolve


def resolve_fixed(access_key: str, secret_key: str) -> Resolve:
    """Resolves to the given keys: for a stand-in that checks no signature."""

    async def resolve() -> SigningCredentials | None:
        return _Fixed(ReadOnlyCredentials(access_key, secret_key, None, None))

    return resolve


class _Fixed:
    def __init__(self, frozen: ReadOnlyCredentials) -> None:
        self._frozen = frozen

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None:
        return self._frozen


class CredentialProvider:
    """Stands for the chain in an SDK session (component `credential_provider`)."""

    def __init__(self, credentials: RunCredentials) -> None:
        self._credentials = credentials

    async def load_credentials(self) -> RunCredentials:
        return self._credentials


class BearerTokenProvider:
    """The API key in AWS_BEARER_TOKEN_BEDROCK, read at each call (component `token_provider`).

    The SDK decides per call whether a token is used, but keeps the one it saw when the client was made.
    """

    def load_token(self, **_: Any) -> "BearerTokenProvider":
        return self

    async def get_frozen_token(self) -> FrozenAuthToken:
        return FrozenAuthToken(get_token_from_environment("bedrock") or "")


def has_bearer_token() -> bool:
    return bool(get_token_from_environment("bedrock"))
