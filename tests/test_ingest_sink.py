"""Does the results server get every result once, with its key, whatever it does and whenever either side is killed?"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.standins.ingest import Faults, IngestStandIn
from tests.support.ingest_material import add, add_many, failure, for_ingest, key, measurement, sink_of, until
from tests.torture.hub_material import open_journal, trial_id
from trialbed.sinks.ingest.sink import IngestSink
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Persistent, Sink

PATIENCE_S = 20.0
MIX = Faults(
    throttle=0.06,
    throttle_for=0.04,
    unavailable=0.06,
    error_after=0.06,
    hang=0.02,
    cut_before=0.06,
    cut_after=0.06,
    rejected=0.04,
    huge=0.03,
    drip=0.02,
)


@pytest.fixture
def server() -> Iterator[IngestStandIn]:
    with IngestStandIn(seed=3) as standing:
        yield standing
    assert standing.problems == []


async def delivered(
    journal: Journal, server: IngestStandIn, said: list[str] | None = None, **changes: Any
) -> IngestSink:
    """A sink that has flushed what the journal owes."""
    sink = sink_of(journal, server, said, **changes)
    await sink.flush(PATIENCE_S)
    return sink


async def test_it_is_a_sink_that_may_be_told_to_try_again(tmp_path: Path, server: IngestStandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink: Sink = sink_of(journal, server)
        assert isinstance(sink, Persistent)
        assert (sink.name, sink.owed) == ("ingest", 0)


async def test_results_and_errors_arrive_each_at_its_address_with_key_and_header(
    tmp_path: Path, server: IngestStandIn
) -> None:
    async with open_journal(tmp_path) as journal:
        await add(journal, measurement(1))
        await add(journal, failure(2))
        sink = await delivered(journal, server)
        assert sink.owed == 0
    by_path = {exchange.path: exchange for exchange in server.log}
    assert by_path.keys() == {"/ingest", "/ingest/error"}
    for exchange, idempotency_key in ((by_path["/ingest"], key(1)), (by_path["/ingest/error"], key(2, "error"))):
        assert exchange.headers["X-API-Key"] == server.key
        assert exchange.headers["Idempotency-Key"] == idempotency_key
        assert exchange.headers["Content-Type"] == "application/json"
    assert server.results() == [{**(for_ingest(measurement(1).as_row()) or {}), "idempotency_key": key(1)}]
    (error,) = server.errors()
    assert (error["stage"], error["error_kind"]) == ("generate", "throttled")


async def test_what_is_offered_while_it_runs_arrives_and_is_known_to_be_there(
    tmp_path: Path, server: IngestStandIn
) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal, server)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            for index in range(12):
                await add(journal, measurement(index), sink)
            await until(lambda: not sink.owed)
            await add(journal, measurement(99), sink)
            await until(lambda: len(server.applied) == 13)
            await sink.flush(PATIENCE_S)
            assert sink.owed == 0
            group.cancel_scope.cancel()
        again = await delivered(journal, server)
        assert again.owed == 0
    assert len(server.log) == 13, "what a receipt says is not sent again"


@pytest.mark.parametrize(
    "fault",
    [
        "throttle",
        "throttle_for",
        "unavailable",
        "error_after",
        "cut_before",
        "cut_after",
        "rejected",
        "huge",
        "drip",
        "hang",
    ],
)
async def test_every_fault_is_survived(tmp_path: Path, server: IngestStandIn, fault: str) -> None:
    server.faults = Faults(**{fault: 0.5})
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 6)
        sink = await delivered(journal, server, attempts=40, attempt_s=0.3)
        assert sink.owed == 0 and sink.stopped is None
    assert server.attempts.keys() == {key(index) for index in range(6)}
    assert len(server.results()) == 6
    assert any(exchange.fault == fault for exchange in server.log), "the fault was never met"


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 4])
async def test_nothing_is_lost_and_nothing_comes_under_two_keys_or_in_two_bodies_in_a_mixture_of_all_faults(
    tmp_path: Path, seed: int, batch_size: int
) -> None:
    with IngestStandIn(MIX, seed=seed) as server:
        async with open_journal(tmp_path) as journal:
            for index in range(40):
                await add(journal, failure(index) if index % 5 == 0 else measurement(index))
            sink = await delivered(journal, server, attempts=60, attempt_s=0.3, batch_size=batch_size)
            assert sink.owed == 0
        assert server.problems == []
        assert server.applied.keys() == {key(index, "result" if index % 5 else "error") for index in range(40)}
        assert server.attempts.keys() == server.applied.keys()


async def test_a_server_that_was_away_and_comes_back_gets_everything_and_the_user_two_lines(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []
    server.stop()
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal, server, said, attempts=1_000)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            for index in range(10):
                await add(journal, measurement(index), sink)
            await until(lambda: said)
            assert sink.owed == 10
            server.start()
            await until(lambda: not sink.owed)
            group.cancel_scope.cancel()
    assert len(server.results()) == 10
    assert len(said) == 2 and "cannot be reached" in said[0] and "getting through again" in said[1]


async def test_an_outage_is_looked_at_by_one_request_at_a_time(tmp_path: Path, server: IngestStandIn) -> None:
    server.faults = Faults(unavailable=1.0)
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 200)
        sink = sink_of(journal, server, retry_first_s=0.2, retry_most_s=0.4)
        await sink.flush(1.0)
        assert sink.owed == 200
    assert len(server.log) < 16, "all that waits must not storm a server that is busy"


async def test_one_result_that_hangs_does_not_keep_the_others_waiting(tmp_path: Path, server: IngestStandIn) -> None:
    server.faults = Faults(hangs_on=frozenset({"slow"}))
    async with open_journal(tmp_path) as journal:
        await add(journal, measurement(0, model="slow"))
        for index in range(1, 30):
            await add(journal, measurement(index))
        sink = sink_of(journal, server, attempt_s=60.0)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            await until(lambda: sink.owed == 1)
            group.cancel_scope.cancel()
        assert len(server.results()) == 29
        assert server.attempts[key(0)] == 1


async def test_retry_after_is_honoured_by_everything_that_waits(tmp_path: Path, server: IngestStandIn) -> None:
    server.faults = Faults(throttle_for=1.0, retry_after="1")
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 12)
        sink = sink_of(journal, server, outage_from=1_000)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            await until(lambda: sum(exchange.status == 429 for exchange in server.log) >= 4)
            server.faults = Faults()
            await until(lambda: not sink.owed)
            group.cancel_scope.cancel()
    refusals = [exchange.at for exchange in server.log if exchange.status == 429]
    last_refusal = max(refusals)
    assert len(refusals) == 4, "what had not been sent yet waits too"
    assert min(exchange.at for exchange in server.log if exchange.status == 200) - last_refusal >= 0.9


async def test_a_rejected_result_is_tried_so_often_then_stays_owed_until_it_is_tried_again(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []
    server.faults = Faults(rejects=frozenset({"unloved"}))
    async with open_journal(tmp_path) as journal:
        await add(journal, measurement(0, model="unloved"))
        await add(journal, measurement(1))
        sink = sink_of(journal, server, said, attempts=8)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            await sink.flush(PATIENCE_S)
            assert (sink.owed, server.attempts[key(0)], server.attempts[key(1)]) == (1, 8, 1)
            assert len(said) == 1 and "8 times in vain" in said[0] and "unloved" in said[0]
            await add(journal, measurement(2), sink)
            await until(lambda: sink.owed == 1)
            assert server.attempts[key(0)] == 8, "another result is no reason to try it again"
            sink.try_again()
            await until(lambda: server.attempts[key(0)] == 16)
            server.faults = Faults()
            sink.try_again()
            await until(lambda: not sink.owed)
            group.cancel_scope.cancel()
        assert (await delivered(journal, server)).owed == 0


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_status_that_is_about_one_result_is_like_a_rejection(
    tmp_path: Path, server: IngestStandIn, status: int
) -> None:
    said: list[str] = []
    server.faults = Faults(refusal=(status, {"detail": "tokens_per_second: too fast"}))
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 2)
        sink = await delivered(journal, server, said, attempts=3)
        assert (sink.owed, sink.stopped) == (2, None)
        assert len(server.log) == 6
        assert said == [
            "ingest: 3 times in vain, the result of bedrock:amazon.nova-pro-v1:0: the server does not take it "
            f"(HTTP {status}: tokens_per_second: too fast). It is kept in the journal"
        ]
        server.faults = Faults()
        assert (await delivered(journal, server)).owed == 0


@pytest.mark.parametrize(
    ("status", "variable"), [(401, "INGEST_API_KEY"), (403, "INGEST_API_KEY"), (404, "INGEST_API_URL")]
)
async def test_what_the_user_must_mend_stops_it_with_one_line_and_nothing_is_lost(
    tmp_path: Path, server: IngestStandIn, status: int, variable: str
) -> None:
    said: list[str] = []
    server.faults = Faults(refusal=(status, {"detail": f"not you, {server.key}"}))
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 20)
        sink = await delivered(journal, server, said)
        assert sink.owed == 20 and sink.stopped is not None and sink.stopped.startswith(variable)
        assert len(said) == 1 and "20 results are kept in the journal" in said[0]
        assert server.key not in said[0]
        assert len(server.log) <= 4
        server.faults = Faults()
        sink.try_again()
        await sink.flush(PATIENCE_S)
        assert (sink.owed, sink.stopped) == (0, None)


async def test_redirects_are_refused_and_never_followed(tmp_path: Path, server: IngestStandIn) -> None:
    with IngestStandIn() as elsewhere:
        server.faults = Faults(redirect=elsewhere.url)
        async with open_journal(tmp_path) as journal:
            await add_many(journal, 3)
            sink = await delivered(journal, server)
            assert sink.owed == 3 and "redirects are not followed" in (sink.stopped or "")
        assert elsewhere.log == []


async def test_a_server_without_an_address_for_errors_is_sent_results_only_and_that_is_said_once(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []
    server.faults = Faults(knows_errors=False)
    async with open_journal(tmp_path) as journal:
        for index in range(4):
            await add(journal, failure(index))
        await add(journal, measurement(9))
        assert (await delivered(journal, server, said)).owed == 0
        assert len(said) == 1 and "no address for reports of errors" in said[0]
        seen = len(server.log)
        assert (await delivered(journal, server)).owed == 0
        assert len(server.log) == seen, "what is not wanted is not offered again"


async def test_results_go_in_arrays_as_large_as_is_asked_and_errors_by_themselves(
    tmp_path: Path, server: IngestStandIn
) -> None:
    async with open_journal(tmp_path) as journal:
        for index in range(10):
            await add(journal, measurement(index))
        await add(journal, failure(10))
        assert (await delivered(journal, server, batch_size=4)).owed == 0
    arrays = [len(exchange.bodies) for exchange in server.log if exchange.is_array]
    assert sorted(arrays) == [2, 4, 4]
    assert [exchange.path for exchange in server.log if not exchange.is_array] == ["/ingest/error"]
    assert len({exchange.headers["Idempotency-Key"] for exchange in server.log}) == 4
    assert (len(server.results()), len(server.errors())) == (10, 1)


async def test_results_that_come_soon_after_one_another_share_an_array(tmp_path: Path, server: IngestStandIn) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal, server, batch_size=5, gather_s=30.0)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            for index in range(5):
                await add(journal, measurement(index), sink)
            await until(lambda: not sink.owed)
            await add(journal, measurement(5), sink)
            await sink.flush(PATIENCE_S)
            assert sink.owed == 0, "a flush does not wait for others"
            group.cancel_scope.cancel()
    assert [len(exchange.bodies) for exchange in server.log] == [5, 1]


@pytest.mark.parametrize("items", ["by_key", "in_order"])
async def test_a_rejected_item_of_a_batch_is_owed_alone(tmp_path: Path, server: IngestStandIn, items: str) -> None:
    server.faults = Faults(rejects=frozenset({"unloved"}), items=items)
    async with open_journal(tmp_path) as journal:
        for index in range(4):
            await add(journal, measurement(index, model="unloved" if index == 2 else "loved"))
        sink = await delivered(journal, server, batch_size=4, attempts=3)
        assert sink.owed == 1
    assert server.attempts == {key(0): 1, key(1): 1, key(2): 3, key(3): 1}


async def test_a_server_that_takes_no_arrays_is_asked_one_by_one_and_that_is_said_once(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []
    server.faults = Faults(takes_arrays=False)
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 30)
        assert (await delivered(journal, server, said, batch_size=5)).owed == 0
    assert len(said) == 1 and "one by one from now on" in said[0]
    assert sum(exchange.is_array for exchange in server.log) <= 4
    assert len(server.results()) == 30


async def test_a_batch_is_never_larger_than_a_request_may_be(tmp_path: Path, server: IngestStandIn) -> None:
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 12)
        assert (await delivered(journal, server, batch_size=12, most_body_bytes=2_000)).owed == 0
    assert all(int(exchange.headers["Content-Length"]) <= 2_000 for exchange in server.log)
    assert 2 < len(server.log) < 12


async def test_a_body_that_is_too_large_is_refused_with_a_clear_word_and_stays_owed(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []

    def large(record: Any) -> dict[str, Any]:
        return {"model_name": record["steward_model"], "junk": "x" * (1_100_000 if record["repeat"] == 1 else 1)}

    async with open_journal(tmp_path) as journal:
        await add_many(journal, 3)
        sink = await delivered(journal, server, said, for_ingest=large)
        assert sink.owed == 1
    assert len(said) == 1 and "1048576 is the most" in said[0]
    assert len(server.results()) == 2


async def test_an_experiment_that_fails_with_a_record_costs_that_one_alone(
    tmp_path: Path, server: IngestStandIn
) -> None:
    said: list[str] = []

    def picky(record: Any) -> dict[str, Any]:
        if record["repeat"] == 1:
            raise KeyError("tokens")
        return {"n": record["repeat"]}

    async with open_journal(tmp_path) as journal:
        await add_many(journal, 3)
        sink = await delivered(journal, server, said, for_ingest=picky)
        assert sink.owed == 1
    assert "for_ingest() failed (KeyError: 'tokens')" in said[0]
    assert len(server.results()) == 2


async def test_an_answered_trial_that_has_nothing_for_a_server_owes_nothing(
    tmp_path: Path, server: IngestStandIn
) -> None:
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 2)
        assert (await delivered(journal, server, for_ingest=lambda _: None)).owed == 0
        assert sink_of(journal, server).owed == 0
    assert server.log == []


async def test_a_result_is_sent_as_it_was_first_sent_whatever_becomes_of_record_and_code(
    tmp_path: Path, server: IngestStandIn
) -> None:
    server.faults = Faults(cut_after=1.0)
    async with open_journal(tmp_path) as journal:
        await add(journal, measurement(1))
        await add(journal, failure(2))
        assert (await delivered(journal, server, attempts=1)).owed == 2
        assert server.attempts.total() == 2
        await add(journal, measurement(1, revision=1, tps=1.0))
        await add(journal, failure(2, "AccessDeniedException: another one (after 1 attempt)", revision=1))
        server.faults = Faults()

        def newer(record: Any) -> dict[str, Any]:
            return {"another": "shape", "model_name": record["steward_model"]}

        assert (await delivered(journal, server, for_ingest=newer)).owed == 0
    assert server.attempts == {key(1): 2, key(2, "error"): 2}
    assert server.applied[key(1)]["tokens_per_second"] == 42.5


async def test_a_delivered_result_that_is_judged_again_is_not_sent_again_and_a_mended_failure_is_a_result(
    tmp_path: Path, server: IngestStandIn
) -> None:
    async with open_journal(tmp_path) as journal:
        sink = sink_of(journal, server)
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run)
            await add(journal, measurement(1), sink)
            await add(journal, failure(2), sink)
            await until(lambda: not sink.owed)
            await add(journal, measurement(1, revision=1, tps=9.0), sink)
            await add(journal, measurement(2, revision=1), sink)
            await until(lambda: not sink.owed)
            group.cancel_scope.cancel()
        assert sink_of(journal, server).owed == 0, "both revisions are known to be settled"
    assert server.attempts == {key(1): 1, key(2, "error"): 1, key(2): 1}


async def test_another_server_is_owed_everything_anew_with_the_same_keys(tmp_path: Path, server: IngestStandIn) -> None:
    with IngestStandIn() as other:
        async with open_journal(tmp_path) as journal:
            await add_many(journal, 3)
            await delivered(journal, server)
            assert (await delivered(journal, other)).owed == 0
            assert sink_of(journal, server).owed == 0
        assert other.applied == server.applied


async def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the system's own table of names is replaced: DNS that says something else than when the URL was checked."""
    real = socket.getaddrinfo

    def rebound(host: Any, *arguments: Any, **more: Any) -> Any:
        return real("10.0.0.7" if host == "results.example" else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    said: list[str] = []
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 2)
        sink = sink_of(journal, "https://results.example/ingest", said)
        await sink.flush(PATIENCE_S)
        assert sink.owed == 2
        assert sink.stopped == (
            "INGEST_API_URL: must be a public address, or this machine: results.example leads to 10.0.0.7, "
            "which is private"
        )


@contextmanager
def talking_nonsense() -> Iterator[int]:
    """A port at which whoever connects is told something that is no HTTP, nor TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        import threading

        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_port_where_something_else_listens_is_like_a_server_that_is_away(tmp_path: Path, scheme: str) -> None:
    with talking_nonsense() as port:
        async with open_journal(tmp_path) as journal:
            await add_many(journal, 1)
            sink = sink_of(journal, f"{scheme}://127.0.0.1:{port}/ingest", attempts=4)
            await sink.flush(PATIENCE_S)
            assert (sink.owed, sink.stopped) == (1, None)


def self_signed(folder: Path) -> ssl.SSLContext:
    """What a server has whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    path = folder / "server.pem"
    form, pem = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    text = key.private_bytes(pem, form, serialization.NoEncryption()) + made.sign(key, hashes.SHA256()).public_bytes(
        pem
    )
    path.write_bytes(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    with IngestStandIn(tls=self_signed(tmp_path)) as server:
        async with open_journal(tmp_path) as journal:
            await add_many(journal, 2)
            sink = await delivered(journal, server)
            assert sink.owed == 2 and "certificate cannot be trusted" in (sink.stopped or "")
        assert server.log == []


async def test_a_flush_keeps_to_its_deadline_even_if_the_server_hangs(tmp_path: Path, server: IngestStandIn) -> None:
    server.faults = Faults(hang=1.0)
    async with open_journal(tmp_path) as journal:
        await add_many(journal, 3)
        sink = sink_of(journal, server, attempt_s=60.0)
        with anyio.fail_after(10):
            await sink.flush(0.3)
        assert sink.owed == 3
        server.faults = Faults()
        await sink.flush(PATIENCE_S)
        assert sink.owed == 0, "what was cut off waits for the next flush"


async def test_the_log_has_a_line_for_each_attempt_and_neither_bodies_nor_the_key(
    tmp_path: Path, server: IngestStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="trialbed.ingest")
    async with open_journal(tmp_path) as journal:
        await add(journal, measurement(1))
        await add(journal, failure(2))
        await delivered(journal, server)
    lines = sorted(record.getMessage() for record in caplog.records if record.name == "trialbed.ingest")
    assert len(lines) == 2
    assert lines[0].startswith("error of bedrock:amazon.nova-pro-v1:0: HTTP 200, ")
    assert lines[1].startswith("result of bedrock:amazon.nova-pro-v1:0: HTTP 200, ")
    assert server.key not in caplog.text and "42.5" not in caplog.text


@pytest.mark.parametrize("seed", [1, 2])
async def test_cut_off_again_and_again_while_the_server_fails_every_result_is_there_once(
    tmp_path: Path, server: IngestStandIn, seed: int
) -> None:
    """Each sitting is cancelled at a moment of chance, mid-request too; the next one knows the journal only."""
    print(f"seed {seed}")
    random, server.faults = Random(seed), MIX
    for sitting in range(12):
        async with open_journal(tmp_path) as journal:
            sink = sink_of(journal, server, attempt_s=0.3)
            with anyio.move_on_after(random.uniform(0.0, 0.15)):
                async with anyio.create_task_group() as group:
                    group.start_soon(sink.run)
                    await add(journal, measurement(sitting), sink)
                    await asyncio.Event().wait()
    async with open_journal(tmp_path) as journal:
        recorded = {trial for trial, _ in journal.revisions()}
        sink = await delivered(journal, server, attempts=60, attempt_s=0.3)
        assert sink.owed == 0
    assert server.applied.keys() == {key(index) for index in range(12) if trial_id(index) in recorded}
    assert recorded and server.attempts.keys() == server.applied.keys()
