"""How is the one Bedrock client of a run opened, and kept signed in?"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore import exceptions as sdk

from trialbed.core.errors import CredentialsExpired, ServiceFault, Throttled, Unreachable, UserError
from trialbed.providers.bedrock import event_stream, identity, shortcut, wire
from trialbed.providers.bedrock.errors import call_error, credentials_error
from trialbed.providers.bedrock.mapping import Answer
from trialbed.providers.stopwatch import note_sending, tracing_of_requests

_MAY_PASS = (CredentialsExpired, ServiceFault, Throttled, Unreachable)
_NO_CREDENTIALS = (
    "AWS credentials: none found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE "
    "or AWS_BEARER_TOKEN_BEDROCK, in .env or the shell"
)


class BedrockClient:
    """The SDK client of a run, one HTTP attempt per call, and its credentials."""

    def __init__(
        self,
        converse: shortcut.Converse,
        converse_stream: shortcut.Converse,
        *,
        credentials: identity.RunCredentials,
        control_plane: Callable[[], Any],
    ) -> None:
        self._converse = converse
        self._converse_stream = converse_stream
        self._credentials = credentials
        self._control_plane = control_plane

    async def converse(self, parameters: Mapping[str, Any]) -> Answer:
        """One attempt at Converse. `parameters` may hold members that the pinned SDK does not know.

        Raises:
            CallError: the subclass says what went wrong.
        """
        return await _attempt(self._converse, parameters)

    async def converse_stream(self, parameters: Mapping[str, Any]) -> Answer:
        """One attempt at ConverseStream; a whole stream is the answer that `converse` brings.

        Raises:
            CallError: as `converse`; a stream that breaks is no answer, whatever had come.
        """
        return await _attempt(self._converse_stream, parameters)

    async def refresh_credentials(self) -> None:
        """Read the credentials anew: environment, shared files, SSO, the role. Never raises an error.

        They are exchanged inside the object that the client signs with, not by a new client: calls in
        flight and the connection pool stay, and it costs some milliseconds instead of a new service model.
        """
        await self._credentials.refresh()

    async def model_behind(self, profile_arn: str) -> str | None:
        """The ARN of the model an application inference profile leads to; None if it may not be asked."""
        try:
            async with self._control_plane() as bedrock:
                profile = await bedrock.get_inference_profile(inferenceProfileIdentifier=profile_arn)
        except Exception as error:  # like converse; not knowing costs at most one refused call
            if call_error(error) is None:
                raise
            return None
        models: list[dict[str, str]] = profile.get("models") or []
        return models[0].get("modelArn") if models else None


@asynccontextmanager
async def open_client(
    *,
    region: str | None,
    max_pool_connections: int,
    assume_role_arn: str | None = None,
    external_id: str | None = None,
    read_timeout_s: float = 900.0,
    connect_timeout_s: float = 10.0,
    endpoint_url: str | None = None,
    fixed_keys: tuple[str, str] | None = None,
    plain_sdk: bool = False,
    is_timed: bool = False,
) -> AsyncIterator[BedrockClient]:
    """Open the client of a run. Open it outside the run's task group; making it blocks for up to a second.

    AWS_ENDPOINT_URL_BEDROCK_RUNTIME and AWS_ENDPOINT_URL_STS are honoured by the SDK.

    Args:
        max_pool_connections: the run's concurrency; a smaller pool queues calls unseen.
        assume_role_arn: role to assume from the usual chain, renewed by itself.
        read_timeout_s: seconds without a byte; 3600 for models that think long.
        endpoint_url: a stand-in's address, instead of the environment's.
        fixed_keys: access and secret key to sign with instead of the chain, for such a stand-in.
        plain_sdk: no `shortcut`, for finding faults.
        is_timed: have the timing of streams begin when a request is written, and say how long a connection was set up.

    Raises:
        UserError: no region, no credentials, a broken AWS file, or a role that may not be assumed.
    """
    resolve = _resolution(assume_role_arn, external_id, region, fixed_keys)
    http = shortcut.HttpSessionMaker(tracing_of_requests() if is_timed else None)
    config = _config(max_pool_connections, read_timeout_s, connect_timeout_s, http, signed=fixed_keys is not None)
    async with AsyncExitStack() as stack:
        with _settings_errors():
            credentials = await _proven(identity.RunCredentials(resolve))
            session = _session(credentials, is_standin=fixed_keys is not None)
            opening = session.client("bedrock-runtime", region_name=region, endpoint_url=endpoint_url, config=config)
            sdk_client = await stack.enter_async_context(opening)
        wire.install(sdk_client.meta.events)
        sdk_client.meta.events.register("before-send.bedrock-runtime.ConverseStream", note_sending)
        converse: shortcut.Converse = partial(_through_sdk, sdk_client)
        if not plain_sdk:
            converse = shortcut.Shortcut(sdk_client, plain=converse, http=http, credentials=credentials).converse
        yield BedrockClient(
            converse,
            partial(event_stream.converse_stream, sdk_client),
            credentials=credentials,
            control_plane=lambda: session.client("bedrock", region_name=region, config=_config(1, 30.0, 10.0)),
        )


async def _attempt(make: shortcut.Converse, parameters: Mapping[str, Any]) -> Answer:
    try:
        return await make(parameters)
    except Exception as error:  # the SDK raises its own, aiohttp's and bare errors; strangers go on as they are
        meaning = call_error(error)
        if meaning is None:
            raise
        # Without its cause: the SDK's text may hold the account, a signed request or an endpoint.
        raise meaning from None


async def _through_sdk(sdk_client: Any, parameters: Mapping[str, Any]) -> Answer:
    response = await sdk_client.converse(**parameters)
    return Answer(response.get(wire.RAW_BODY), response.get("ResponseMetadata", {}).get("RequestId"))


def _config(
    max_pool_connections: int,
    read_timeout_s: float,
    connect_timeout_s: float,
    http: Any = AIOHTTPSession,
    *,
    signed: bool = False,
) -> AioConfig:
    return AioConfig(
        # One attempt: the SDK would repeat time-outs too, each generated and paid. `core.retry` decides.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=max_pool_connections,
        read_timeout=read_timeout_s,
        connect_timeout=connect_timeout_s,
        http_session_cls=http,
        # Said in code it wins over an API key in the environment, which no stand-in may be shown.
        signature_version="v4" if signed else None,
    )


def _session(credentials: identity.RunCredentials, *, is_standin: bool) -> Any:
    # For a stand-in nothing of the user's AWS set-up counts, not even a profile that is not there.
    session = AioSession({"profile": (None, None, None, None)}) if is_standin else AioSession()
    session.register_component("credential_provider", identity.CredentialProvider(credentials))
    session.register_component("token_provider", identity.BearerTokenProvider())
    return aioboto3.Session(botocore_session=session)


def _resolution(
    role_arn: str | None, external_id: str | None, region: str | None, fixed_keys: tuple[str, str] | None
) -> identity.Resolve:
    if fixed_keys is not None:
        return identity.resolve_fixed(*fixed_keys)
    if role_arn is not None:
        return identity.resolve_role(role_arn, external_id, region)
    return identity.resolve_chain


async def _proven(credentials: identity.RunCredentials) -> identity.RunCredentials:
    """The credentials, read once, a role assumed: what is wrong is told before the run; what may pass can wait."""
    await credentials.resolve()
    if not credentials.are_there and not identity.has_bearer_token():
        raise UserError(_NO_CREDENTIALS)
    try:
        await credentials.prove()
    except sdk.NoCredentialsError:
        raise UserError(_NO_CREDENTIALS) from None
    except (sdk.ConnectionError, sdk.HTTPClientError):
        pass
    except sdk.ClientError as error:
        if not isinstance(call_error(error), _MAY_PASS):
            refused = credentials_error(error)
            where = "BEDROCK_ASSUME_ROLE_ARN or the role of the AWS profile"
            raise UserError(f"{where}: {refused}; correct the role, its trust policy or the keys") from None
    return credentials


@contextmanager
def _settings_errors() -> Iterator[None]:
    """What is wrong with AWS settings, as the user's to correct."""
    try:
        yield
    except sdk.NoRegionError:
        raise UserError("AWS_REGION: no region is set; set it in .env or the shell, e.g. us-east-1") from None
    except (sdk.BotoCoreError, ValueError) as error:
        raise UserError(f"AWS settings: {credentials_error(error).detail}; correct .env or the AWS files") from None
