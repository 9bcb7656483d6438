"""Is one client enough for a whole run: one attempt per call, newer members on the wire, credentials kept good?"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.sts.models import STSBackend, sts_backends

from tests.test_bedrock_standin import (
    KEY,
    NOVA,
    SECRET,
    Runtime,
    Seen,
    answer_body,
    answers,
    aws_environment,
    question,
    refuses,
    runtime,
)
from trialbed.core.errors import CredentialsExpired, ServiceFault, Throttled, UserError
from trialbed.providers.bedrock.capabilities import capabilities_of
from trialbed.providers.bedrock.identity import AssumedRole
from trialbed.providers.bedrock.model import BedrockModel
from trialbed.providers.bedrock.session import BedrockClient, open_client

KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/research"
ASK = {"modelId": NOVA.id, "messages": [{"role": "user", "content": [{"text": "é?"}]}]}


def key_of(seen: Seen) -> str:
    return seen.headers["Authorization"].split("Credential=")[1].split("/")[0]


def pointed_at(bedrock: Runtime, tmp_path: Path, **variables: str) -> Any:
    return aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url, **variables)


def is_signed_by(seen: Seen, secret: str) -> bool:
    """Whether the signature fits the body that arrived, computed anew."""
    signed = seen.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: value for name, value in seen.headers.items() if name.lower() in signed}
    request = AWSRequest(seen.method, f"http://{seen.headers['Host']}{seen.path}", headers=headers, data=seen.raw)
    request.context["timestamp"] = seen.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(key_of(seen), secret), "bedrock", "us-east-1")
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return seen.headers["Authorization"].endswith(signature)


async def test_members_newer_than_the_sdk_are_in_the_signed_body(tmp_path: Path) -> None:
    async with runtime(answers(answer_body(serviceTier={"type": "flex"}, aNewMember=[1]))) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1) as client:
                answer = await client.converse(
                    {**ASK, "serviceTier": {"type": "flex"}, "outputConfig": {"effort": "low"}}
                )
    (seen,) = bedrock.seen
    assert seen.body["serviceTier"] == {"type": "flex"}
    assert seen.body["outputConfig"] == {"effort": "low"}
    assert seen.body["messages"] == ASK["messages"]
    assert "modelId" not in seen.body and seen.model == NOVA.id
    assert answer.body["serviceTier"] == {"type": "flex"} and answer.body["aNewMember"] == [1]
    assert is_signed_by(seen, SECRET)
    assert not is_signed_by(seen, "another-secret")


async def test_concurrent_calls_keep_their_members_apart(tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=10) as client:
                asks = [
                    {**ASK, "modelId": f"m.{n}", "n": n} if n % 2 else {**ASK, "modelId": f"m.{n}"} for n in range(20)
                ]
                await asyncio.gather(*(client.converse(ask) for ask in asks))
    assert {seen.model: seen.body.get("n") for seen in bedrock.seen} == {
        f"m.{n}": n if n % 2 else None for n in range(20)
    }


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException"])
async def test_the_sdk_asks_once_even_if_the_environment_says_otherwise(code: str, tmp_path: Path) -> None:
    async with runtime(refuses(code, 500)) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_MAX_ATTEMPTS="5", AWS_RETRY_MODE="adaptive", **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1) as client:
                with pytest.raises(Exception, match=code):
                    await client.converse(ASK)
    assert len(bedrock.seen) == 1


async def test_as_many_calls_run_at_a_time_as_the_pool_has_connections(tmp_path: Path) -> None:
    all_here = asyncio.Barrier(30)

    async def slow(_: Seen, __: web.Request) -> web.StreamResponse:
        await all_here.wait()
        return web.json_response(answer_body())

    async with runtime(slow) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=30) as client:
                async with asyncio.timeout(10):
                    await asyncio.gather(*(client.converse(ASK) for _ in range(30)))


async def test_the_event_loop_stays_free_during_calls(tmp_path: Path) -> None:
    gaps: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - before)

    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=10) as client:
                await client.converse(ASK)
                watcher = asyncio.create_task(watch())
                await asyncio.gather(*(client.converse(ASK) for _ in range(40)))
                await client.refresh_credentials()
                watcher.cancel()
    assert max(gaps) < 0.5


async def test_a_cancelled_call_leaves_the_client_usable(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def first_hangs(seen: Seen, _: web.Request) -> web.StreamResponse:
        if seen.model == "m.hangs":
            arrived.set()
            await asyncio.sleep(30)
        return web.json_response(answer_body())

    async with runtime(first_hangs) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1) as client:
                call = asyncio.create_task(client.converse({**ASK, "modelId": "m.hangs"}))
                await arrived.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert (await client.converse(ASK)).body["stopReason"] == "end_turn"


async def test_a_refresh_reads_the_shared_file_again_and_keeps_calls_in_flight(tmp_path: Path) -> None:
    file = tmp_path / "keys"

    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=s\naws_session_token=t-{key}\n")

    release = asyncio.Event()
    arrived = asyncio.Event()

    async def only_new(seen: Seen, request: web.Request) -> web.StreamResponse:
        if seen.model == "m.inflight":
            arrived.set()
            await release.wait()
        elif key_of(seen) != "AKIANEW":
            return await refuses("ExpiredTokenException", 403)(seen, request)
        return web.json_response(answer_body())

    write("AKIAOLD")
    async with runtime(only_new) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_SHARED_CREDENTIALS_FILE=str(file)):
            async with open_client(region="us-east-1", max_pool_connections=2) as client:
                in_flight = asyncio.create_task(client.converse({**ASK, "modelId": "m.inflight"}))
                await arrived.wait()
                with pytest.raises(CredentialsExpired):
                    await client.converse(ASK)
                await client.refresh_credentials()
                with pytest.raises(CredentialsExpired):
                    await client.converse(ASK)
                write("AKIANEW")
                await client.refresh_credentials()
                assert (await client.converse(ASK)).body["stopReason"] == "end_turn"
                assert bedrock.seen[-1].headers["X-Amz-Security-Token"] == "t-AKIANEW"
                release.set()
                await in_flight
                file.write_text("[default]\naws_access_key_id=half\n")
                await client.refresh_credentials()
                assert (await client.converse(ASK)).body["stopReason"] == "end_turn"


async def test_a_refresh_sees_a_changed_environment(tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, **KEYS) as environment:
            async with open_client(region="us-east-1", max_pool_connections=1) as client:
                await client.converse(ASK)
                environment.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
                await client.refresh_credentials()
                await client.converse(ASK)
    assert [key_of(seen) for seen in bedrock.seen] == [KEY, "AKIAOTHER"]


async def test_an_api_key_is_sent_as_bearer_token_and_read_at_each_call(tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_BEARER_TOKEN_BEDROCK="key-one") as environment:
            async with open_client(region="us-east-1", max_pool_connections=1) as client:
                await client.converse(ASK)
                environment.setenv("AWS_BEARER_TOKEN_BEDROCK", "key-two")
                await client.converse(ASK)
    assert [seen.headers["Authorization"] for seen in bedrock.seen] == ["Bearer key-one", "Bearer key-two"]


async def test_a_stand_in_with_keys_of_its_own_sees_none_of_the_users(tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        with aws_environment(tmp_path, AWS_BEARER_TOKEN_BEDROCK="users-key", **KEYS):
            async with open_client(
                region="us-east-1", max_pool_connections=1, endpoint_url=bedrock.url, fixed_keys=("standin", "standin")
            ) as client:
                await client.converse(ASK)
    assert key_of(bedrock.seen[0]) == "standin"
    assert "users-key" not in str(bedrock.seen) and KEY not in str(bedrock.seen)


async def refusal(tmp_path: Path, region: str | None = "us-east-1", **variables: str) -> str:
    with aws_environment(tmp_path, **variables), pytest.raises(UserError) as caught:
        async with open_client(region=region, max_pool_connections=1):
            raise AssertionError("it opened")
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_what_is_missing_at_the_start_is_told_in_one_line(tmp_path: Path) -> None:
    assert "none found" in await refusal(tmp_path)
    assert "AWS_REGION" in await refusal(tmp_path, region=None, **KEYS)
    assert "no_such_profile" in await refusal(tmp_path, AWS_PROFILE="no_such_profile")
    assert "AWS_SECRET_ACCESS_KEY" in await refusal(tmp_path, AWS_ACCESS_KEY_ID=KEY)
    assert "endpoint" in await refusal(tmp_path, AWS_ENDPOINT_URL_BEDROCK_RUNTIME="nonsense", **KEYS)


# Roles.


@pytest.fixture
def sts() -> Iterator[str]:
    """A real STS over HTTP; yields its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles.clear()
    yield f"http://{host}:{port}"
    server.stop()


def roles() -> list[Any]:
    return sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles


async def ask_as_role(bedrock: Runtime, sts_url: str, tmp_path: Path, times: int) -> None:
    with pointed_at(bedrock, tmp_path, AWS_ENDPOINT_URL_STS=sts_url, **KEYS):
        async with open_client(
            region="us-east-1", max_pool_connections=5, assume_role_arn=ROLE, external_id="lab-7"
        ) as client:
            model = BedrockModel(client, NOVA, capabilities_of(NOVA.id))
            await asyncio.gather(*(model.converse(question()) for _ in range(times)))


async def test_a_role_is_assumed_once_for_all_calls(sts: str, tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        await ask_as_role(bedrock, sts, tmp_path, times=10)
    (role,) = roles()
    assert (role.role_arn, role.external_id) == (ROLE, "lab-7")
    assert {key_of(seen) for seen in bedrock.seen} == {role.access_key_id}
    assert {seen.headers["X-Amz-Security-Token"] for seen in bedrock.seen} == {role.session_token}
    assert is_signed_by(bedrock.seen[0], role.secret_access_key)


async def test_a_session_that_has_ended_is_renewed_before_the_next_call(
    sts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assume_role = STSBackend.assume_role
    monkeypatch.setattr(STSBackend, "assume_role", lambda self, **asked: assume_role(self, **{**asked, "duration": 0}))
    async with runtime(answers()) as bedrock:
        await ask_as_role(bedrock, sts, tmp_path, times=3)
    assert len({key_of(seen) for seen in bedrock.seen}) == 3
    assert len(roles()) == 4  # once at the start, to tell the user of a wrong role


async def test_an_error_is_read_without_asking_for_keys_again(
    sts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assume_role = STSBackend.assume_role
    monkeypatch.setattr(STSBackend, "assume_role", lambda self, **asked: assume_role(self, **{**asked, "duration": 0}))

    async def refuses_the_second(seen: Seen, request: web.Request) -> web.StreamResponse:
        respond = refuses("ThrottlingException", 429) if len(bedrock.seen) == 2 else answers()
        return await respond(seen, request)

    async with runtime(refuses_the_second) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_ENDPOINT_URL_STS=sts, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1, assume_role_arn=ROLE) as client:
                await client.converse(ASK)
                with pytest.raises(Throttled):
                    await client.converse(ASK)
    assert len(bedrock.seen) == 2
    assert len(roles()) == 3  # once at the start, to tell the user of a wrong role


async def test_a_refresh_assumes_the_role_anew(sts: str, tmp_path: Path) -> None:
    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_ENDPOINT_URL_STS=sts, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1, assume_role_arn=ROLE) as client:
                await client.converse(ASK)
                await client.refresh_credentials()
                await client.converse(ASK)
    assert key_of(bedrock.seen[0]) != key_of(bedrock.seen[1])


async def sts_that_refuses(code: str, status: int) -> tuple[web.AppRunner, str]:
    async def refuse(_: web.Request) -> web.Response:
        text = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        return web.Response(status=status, text=text, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def test_a_role_that_may_not_be_assumed_is_told_at_the_start(tmp_path: Path) -> None:
    runner, url = await sts_that_refuses("AccessDenied", 403)
    told = pytest.raises(UserError, match=r"BEDROCK_ASSUME_ROLE_ARN .*AccessDenied")
    with aws_environment(tmp_path, AWS_ENDPOINT_URL_STS=url, **KEYS), told:
        async with open_client(region="us-east-1", max_pool_connections=1, assume_role_arn=ROLE):
            raise AssertionError("it opened")
    await runner.cleanup()


async def test_expired_keys_behind_a_role_pause_the_run(tmp_path: Path) -> None:
    runner, url = await sts_that_refuses("ExpiredToken", 403)
    async with runtime(answers()) as bedrock:
        with pointed_at(bedrock, tmp_path, AWS_ENDPOINT_URL_STS=url, **KEYS):
            async with open_client(region="us-east-1", max_pool_connections=1, assume_role_arn=ROLE) as client:
                with pytest.raises(CredentialsExpired) as caught:
                    await client.converse(ASK)
    await runner.cleanup()
    assert caught.value.code == "ExpiredToken" and bedrock.seen == []


class Hour:
    """A clock that is set by hand, and sessions of a given length by it."""

    def __init__(self, length: timedelta) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.length = length
        self.assumed = 0
        self.down = False

    async def assume(self) -> dict[str, Any]:
        self.assumed += 1
        await asyncio.sleep(0)
        if self.down:
            raise ServiceFault("STS is away")
        return {
            "AccessKeyId": f"k{self.assumed}",
            "SecretAccessKey": "s",
            "SessionToken": "t",
            "Expiration": self.now + self.length,
        }

    def role(self) -> AssumedRole:
        return AssumedRole(self.assume, now=lambda: self.now)


@pytest.mark.parametrize(
    ("length", "good_for"),
    [(timedelta(hours=1), timedelta(minutes=50)), (timedelta(minutes=15), timedelta(seconds=675))],
)
async def test_a_role_is_renewed_shortly_before_its_end_by_one_call(length: timedelta, good_for: timedelta) -> None:
    hour = Hour(length)
    role = hour.role()
    await asyncio.gather(*(role.get_frozen_credentials() for _ in range(20)))
    hour.now += good_for - timedelta(seconds=1)
    await role.get_frozen_credentials()
    assert hour.assumed == 1
    hour.now += timedelta(seconds=1)
    frozen = await asyncio.gather(*(role.get_frozen_credentials() for _ in range(20)))
    assert hour.assumed == 2
    assert {credentials.access_key for credentials in frozen if credentials} == {"k2"}


async def test_a_role_that_cannot_be_renewed_is_used_to_its_end() -> None:
    hour = Hour(timedelta(hours=1))
    role = hour.role()
    await role.get_frozen_credentials()
    hour.down = True
    hour.now += timedelta(minutes=55)
    credentials = await role.get_frozen_credentials()
    assert credentials is not None and credentials.access_key == "k1"
    await role.get_frozen_credentials()
    assert hour.assumed == 2  # not asked again before every call
    hour.now += timedelta(minutes=5)
    with pytest.raises(ServiceFault):
        await role.get_frozen_credentials()
    hour.down = False
    assert await role.get_frozen_credentials() is not None


# Application profiles.


async def test_the_model_behind_an_application_profile_is_asked_of_the_service(tmp_path: Path) -> None:
    async def profile(request: web.Request) -> web.Response:
        if "unknown" in request.path:
            return web.json_response({"message": "no"}, status=404)
        arn = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
        return web.json_response({"models": [{"modelArn": arn}], "status": "ACTIVE", "type": "APPLICATION"})

    app = web.Application()
    app.router.add_get("/inference-profiles/{arn:.+}", profile)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    base = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile"
    with aws_environment(tmp_path, AWS_ENDPOINT_URL_BEDROCK=url, **KEYS):
        async with open_client(region="us-east-1", max_pool_connections=1) as client:
            assert isinstance(client, BedrockClient)
            behind = await client.model_behind(f"{base}/ab12")
            assert await client.model_behind(f"{base}/unknown") is None
    await runner.cleanup()
    assert capabilities_of(f"{base}/ab12", behind).exclusive


def test_the_pinned_sdk_still_lacks_the_members_put_in_by_hand() -> None:
    client = boto3.client("bedrock-runtime", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    members = client.meta.service_model.operation_model("Converse").input_shape.members
    assert "serviceTier" not in members and "outputConfig" not in members


def test_what_is_pure_needs_no_sdk() -> None:
    pure = [
        "names",
        *(f"bedrock.{name}" for name in ("mapping", "forms", "capabilities", "credentials", "model", "shapes")),
    ]
    code = "import sys\n" + "".join(f"import trialbed.providers.{name}\n" for name in pure)
    code += "assert not {'aioboto3', 'aiobotocore', 'aiohttp', 'botocore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
