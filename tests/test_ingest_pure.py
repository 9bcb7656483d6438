"""Addresses, keys, bodies, answers, waits and receipts of the ingest sink: what needs no network."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ingest_material import NONCE, failure, for_ingest, measurement
from trialbed.core import errors
from trialbed.core.http_rules import seconds_asked
from trialbed.core.outcome import Outcome
from trialbed.sinks.ingest.address import address_problem
from trialbed.sinks.ingest.answers import Answer, fault_of_error, fault_of_result, faults_of_batch
from trialbed.sinks.ingest.backlog import Backlog
from trialbed.sinks.ingest.bodies import body_of, key_of, key_of_batch, kind_of_outcome
from trialbed.sinks.ingest.book import Owing, book_of, owed, owed_as_journalled, receipt_of, seal_of
from trialbed.sinks.ingest.diagnosis import ErrorKind, code_in, diagnosis_of
from trialbed.sinks.ingest.faults import IngestFault, NoArrays, NotKept, Passing, Refused, Rejected
from trialbed.sinks.ingest.resolver import AddressRefused, check_address
from trialbed.sinks.ingest.target import IngestTarget, Pace
from trialbed.sinks.ingest.waiting import wait_s

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
A, B = "https://one.example/ingest", "https://two.example/ingest"


@pytest.mark.parametrize(
    "url",
    [
        "https://ingest.example.com/ingest",
        "https://ingest.example.com:8443/a/b?tenant=7",
        "https://8.8.8.8/ingest",
        "https://[2606:4700::1111]/ingest",
        "http://localhost:8080/ingest",
        "http://127.0.0.1:8080/ingest",
        "http://127.9.9.9/ingest",
        "http://[::1]:8080/ingest",
        "https://localhost/ingest",
        "https://127.0.0.1/ingest",
    ],
)
def test_public_addresses_and_this_machine_may_be_sent_to(url: str) -> None:
    assert address_problem(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://ingest.example.com/ingest", "https"),
        ("http://10.0.0.1/ingest", "https"),
        ("http://localhost.example.com/", "https"),
        ("https://10.1.2.3/", "private"),
        ("https://172.16.0.1/", "private"),
        ("https://192.168.1.1/", "private"),
        ("https://[fd00::1]/", "private"),
        ("https://[fd00:ec2::254]/", "private"),
        ("https://169.254.169.254/latest/meta-data", "metadata"),
        ("https://168.63.129.16/", "metadata"),
        ("https://192.0.0.192/", "network itself"),
        ("https://[fe80::1]/", "link-local"),
        ("https://[fe80::1%25eth0]/", "link-local"),
        ("https://100.64.0.1/", "carriers"),
        ("https://100.100.100.200/", "carriers"),
        ("https://224.0.0.1/", "multicast"),
        ("https://[ff02::1]/", "multicast"),
        ("https://240.0.0.1/", "private"),
        ("https://255.255.255.255/", "private"),
        ("https://0.0.0.0/", "unspecified"),
        ("https://[::]/", "unspecified"),
        ("https://203.0.113.5/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://[::ffff:127.0.0.1]/", "another name"),
        ("https://[::7f00:1]/", "reserved"),
        ("https://[64:ff9b::a00:1]/", "private"),
        ("https://[2002:a00:1::]/", "private"),
        ("https://[fec0::1]/", "reserved"),
        ("https://2130706433/", "unusual"),
        ("https://0x7f000001/", "unusual"),
        ("https://0x7f.1/", "unusual"),
        ("https://127.1/", "unusual"),
        ("https://0177.0.0.1/", "unusual"),
        ("http://2130706433/", "unusual"),
        ("https://user@host.example/", "user name"),
        ("https://user:pass@host.example/", "user name"),
        ("https://①②⑦.0.0.1/", "signs"),
        ("https://host.example/a b", "signs"),
        ("https://host.example/\n", "signs"),
        ("ftp://host.example/", "no URL"),
        ("host.example/ingest", "no URL"),
        ("https:///ingest", "no URL"),
        ("https://host:99999/", "no URL"),
        ("", "no URL"),
    ],
)
def test_no_other_address_may(url: str, why: str) -> None:
    problem = address_problem(url)
    assert problem is not None and why in problem
    assert "pass@" not in problem and "\n" not in problem


@pytest.mark.parametrize(
    ("host", "address", "is_fine"),
    [
        ("ingest.example.com", "8.8.8.8", True),
        ("localhost", "127.0.0.1", True),
        ("LOCALHOST", "::1", True),
        ("localhost", "8.8.8.8", False),
        ("localhost", "10.0.0.1", False),
        ("ingest.example.com", "127.0.0.1", False),
        ("ingest.example.com", "::1", False),
        ("ingest.example.com", "::ffff:127.0.0.1", False),
        ("ingest.example.com", "10.0.0.1", False),
        ("ingest.example.com", "169.254.169.254", False),
        ("ingest.example.com", "fe80::1%1", False),
        ("ingest.example.com", "100.64.1.1", False),
        ("ingest.example.com", "64:ff9b::808:808", True),
        ("ingest.example.com", "nonsense", False),
    ],
)
def test_a_name_may_only_lead_where_it_would_be_allowed_to_be_written(host: str, address: str, is_fine: bool) -> None:
    if is_fine:
        check_address(host, address)
    else:
        with pytest.raises(AddressRefused, match=host):
            check_address(host, address)


def test_errors_go_to_the_address_beside_that_of_results() -> None:
    def errors_of(url: str) -> str:
        return str(IngestTarget(url, "k").errors)

    assert errors_of("https://h.example/ingest") == "https://h.example/ingest/error"
    assert errors_of("https://h.example/ingest/") == "https://h.example/ingest/error"
    assert errors_of("https://h.example:8443/a%2Fb?x=1&y=%20#z") == "https://h.example:8443/a%2Fb/error?x=1&y=%20"
    assert errors_of("https://h.example") == "https://h.example/error"


def test_the_name_of_a_place_tells_queries_apart_without_showing_them() -> None:
    one, other = (IngestTarget(f"https://h.example/ingest?token={text}", "k").place for text in ("secret1", "secret2"))
    assert one != other and "secret" not in one
    assert IngestTarget("https://h.example/ingest#x", "k").place == "https://h.example/ingest"
    assert "very-secret" not in repr(IngestTarget("https://h.example/", "very-secret"))


def test_a_key_is_of_run_trial_and_kind_alone() -> None:
    keys = {key_of(nonce, trial, kind) for nonce in ("n", "m") for trial in ("1", "2") for kind in ("result", "error")}
    assert len(keys) == 8
    assert key_of(NONCE, "1", "result") == key_of(NONCE, "1", "result")
    assert key_of_batch(["a", "b"]) != key_of_batch(["b", "a"])


def test_a_result_is_what_the_experiment_says_and_its_key() -> None:
    row = measurement(3).as_row()
    body = json.loads(body_of(row, "k-1", for_ingest) or b"")
    assert body == {**(for_ingest(row) or {}), "idempotency_key": "k-1"}
    assert body_of(row, "k-1", lambda _: None) is None


def test_a_report_of_an_error_has_all_that_a_server_needs_and_no_more() -> None:
    row = failure(3).as_row()
    body = json.loads(body_of(row, "k-2", for_ingest) or b"")
    assert body == {
        "provider": "bedrock",
        "model_name": "amazon.nova-pro-v1:0",
        "run_ts": "2026-11-20T12:34:50.000Z",
        "ts": "2026-11-20T12:34:56.789Z",
        "stage": "generate",
        "message": "ThrottlingException: too many requests (after 3 attempts)",
        "exc_type": "ThrottlingException",
        "error_kind": "throttled",
        "idempotency_key": "k-2",
    }
    long = json.loads(body_of(failure(3, "x" * 9_000).as_row(), "k", for_ingest) or b"")
    assert len(long["message"]) == 2_000


@given(
    code=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,40}", fullmatch=True),
    detail=st.text(max_size=80),
    attempts=st.integers(min_value=0, max_value=200),
)
def test_the_code_is_found_in_whatever_the_text_of_a_failed_call_says(code: str, detail: str, attempts: int) -> None:
    error = errors.Throttled(detail, code=code)
    assert code_in(str(error)) == code
    assert code_in(str(errors.GaveUp(error, attempts=attempts))) == code
    assert code_in(str(errors.GaveUp(errors.Throttled(detail), attempts=attempts))) == "Throttled"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", "throttled"),
        ("TooManyRequestsException", "throttled"),
        ("RateLimitError", "throttled"),
        ("HTTP 429", "throttled"),
        ("ServiceQuotaExceededException", "quota_exhausted"),
        ("AccessDeniedException", "unavailable"),
        ("ResourceNotFoundException", "unavailable"),
        ("NotFoundError", "unavailable"),
        ("ModelNotReadyException", "unavailable"),
        ("HTTP 404", "unavailable"),
        ("UnsupportedProvider", "not_set_up"),
        ("NotSetUp", "not_set_up"),
        ("ValidationException", "invalid_request"),
        ("BadRequestError", "invalid_request"),
        ("UnsupportedParamsError", "invalid_request"),
        ("ContextWindowExceededError", "invalid_request"),
        ("ExpiredTokenException", "credentials"),
        ("InvalidSignatureException", "credentials"),
        ("AuthenticationError", "credentials"),
        ("ModelTimeoutException", "timeout"),
        ("DeadlineExceeded", "timeout"),
        ("ReadTimeoutError", "timeout"),
        ("Timeout", "timeout"),
        ("ConnectTimeoutError", "connection"),
        ("EndpointConnectionError", "connection"),
        ("ClientOSError", "connection"),
        ("ConnectionClosedError", "connection"),
        ("InternalServerException", "service_fault"),
        ("ServiceUnavailableException", "service_fault"),
        ("modelStreamErrorException", "service_fault"),
        ("HTTP 503", "service_fault"),
        ("MalformedBody", "malformed_answer"),
        ("ContentPolicyViolationError", "filtered"),
        ("insufficient_quota", "quota_exhausted"),
        ("billing_error", "quota_exhausted"),
        ("rate_limit_exceeded", "throttled"),
        ("RESOURCE_EXHAUSTED", "throttled"),
        ("model_not_found", "unavailable"),
        ("not_found_error", "unavailable"),
        ("model_decommissioned", "unavailable"),
        ("PERMISSION_DENIED", "unavailable"),
        ("invalid_api_key", "credentials"),
        ("API_KEY_INVALID", "credentials"),
        ("authentication_error", "credentials"),
        ("UNAUTHENTICATED", "credentials"),
        ("timeout_error", "timeout"),
        ("DEADLINE_EXCEEDED", "timeout"),
        ("invalid_request_error", "invalid_request"),
        ("INVALID_ARGUMENT", "invalid_request"),
        ("context_length_exceeded", "invalid_request"),
        ("overloaded_error", "service_fault"),
        ("UNAVAILABLE", "service_fault"),
        ("server_error", "service_fault"),
        ("SomethingNew", "other"),
    ],
)
def test_every_code_is_of_one_kind(code: str, kind: str) -> None:
    found = diagnosis_of(failure(1, f"{code}: some detail (after 2 attempts)").as_row())
    assert (found.exc_type, found.error_kind) == (code, kind)
    assert found.stage == ("preflight" if kind == "not_set_up" else "generate")


def test_every_class_of_ours_has_a_kind() -> None:
    classes = [
        error for error in vars(errors).values() if isinstance(error, type) and error.__base__ is errors.CallError
    ]
    kinds = {error.__name__: diagnosis_of(failure(1, str(error("why"))).as_row()).error_kind for error in classes}
    assert len(kinds) > 10 and "other" not in kinds.values(), kinds


@pytest.mark.parametrize(
    ("outcome", "reason", "stop", "stage", "exc_type", "kind"),
    [
        (Outcome.PARSE_FAILED, "the reply is empty", "end_turn", "validate", "EmptyAnswer", "empty_answer"),
        (
            Outcome.PARSE_FAILED,
            "the reply is empty: the token budget ran out before the first visible word",
            "max_tokens",
            "validate",
            "EmptyAnswer",
            "empty_answer",
        ),
        (
            Outcome.PARSE_FAILED,
            "the answer cannot be read: missing required metric 'tokens_per_second'",
            "max_tokens",
            "validate",
            "AnswerUnreadable",
            "bad_metrics",
        ),
        (Outcome.PARSE_FAILED, "stop reason odd", "odd", "validate", "odd", "malformed_answer"),
        (Outcome.PARSE_FAILED, "mine.py:12: KeyError: 'x'", None, "validate", "KeyError", "program_error"),
        (Outcome.TRUNCATED, "stop reason max_tokens", "max_tokens", "generate", "max_tokens", "truncated"),
        (Outcome.REFUSED, "stop reason refusal", "refusal", "generate", "refusal", "refused"),
        (
            Outcome.FILTERED,
            "stop reason content_filtered",
            "content_filtered",
            "generate",
            "content_filtered",
            "filtered",
        ),
        (Outcome.JUDGE_ERROR, "no valid verdict", "end_turn", "validate", "JudgeFailed", "judge_failed"),
        (Outcome.PROVIDER_ERROR, "whatever it was.", None, "generate", "ProviderError", "other"),
    ],
)
def test_every_outcome_without_a_result_is_of_one_kind(
    outcome: Outcome, reason: str, stop: str | None, stage: str, exc_type: str, kind: str
) -> None:
    row = failure(1, reason, outcome).model_copy(update={"stop_reason": stop}).as_row()
    found = diagnosis_of(row)
    assert (found.stage, found.exc_type, found.error_kind) == (stage, exc_type, kind)
    assert kind in get_args(ErrorKind)
    assert kind_of_outcome(outcome) == "error"


def answer(status: int, body: Any = b"", **more: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), **more)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"<html>fine</html>",
        b"[]",
        b"null",
        b"42",
        {"status": "accepted"},
        {"status": "duplicate"},
        {"status": 7},
        {"ok": True},
        {"results": [{"status": "queued"}]},
        {"result": {"status": "rejected"}},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_is_delivered_whatever_else_it_says(status: int, body: Any) -> None:
    assert fault_of_result(answer(status, body), NOW) is None


@pytest.mark.parametrize(
    "body",
    [
        {"status": "rejected"},
        {"status": " REJECTED "},
        {"status": "Rejected", "reason": "no such model"},
        {"status": "error"},
        {"results": [{"idempotency_key": "k", "status": "rejected"}]},
        [{"status": "rejected"}],
        b'{"status": "rejected", "cut',
    ],
)
def test_a_2xx_that_says_rejected_is_not_delivered(body: Any) -> None:
    assert isinstance(fault_of_result(answer(200, body), NOW), Rejected)


def test_the_reason_of_a_rejection_is_told_on_one_line() -> None:
    fault = fault_of_result(answer(200, {"status": "rejected", "reason": "no\n\x1b[31msuch   model"}), NOW)
    assert str(fault) == "the server rejected it: no [31msuch model"
    assert str(fault_of_result(answer(422, {"detail": "x" * 900}), NOW)).count("x") == 200


def test_a_rejection_is_found_in_an_answer_that_was_packed_all_the_same() -> None:
    import gzip

    packed = answer(200, gzip.compress(b'{"status":"rejected"}'), encoding="gzip")
    assert isinstance(fault_of_result(packed, NOW), Rejected)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((status, Passing) for status in (408, 409, 423, 425, 429, 500, 502, 503, 504, 599, 100)),
        *((status, Rejected) for status in (400, 413, 415, 422, 418, 402)),
        *((status, Refused) for status in (301, 302, 303, 307, 308, 401, 403, 404, 405, 410)),
    ],
)
def test_every_status_says_what_to_do_next(status: int, meaning: type[IngestFault]) -> None:
    fault = fault_of_result(answer(status), NOW)
    assert type(fault) is meaning and str(status) in str(fault)


def test_only_an_unknown_address_for_errors_is_no_matter() -> None:
    for status in (404, 405):
        assert isinstance(fault_of_error(answer(status), NOW), NotKept)
    for status, meaning in ((401, Refused), (422, Rejected), (503, Passing)):
        assert type(fault_of_error(answer(status), NOW)) is meaning
    assert fault_of_error(answer(200), NOW) is None


def batch(answered: Answer) -> list[type | None]:
    return [
        None if fault is None else type(fault) for fault in faults_of_batch(answered, ["a", "b", "c"], NOW).values()
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", [None, None, None]),
        ({"status": "ok"}, [None, None, None]),
        ({"results": []}, [None, None, None]),
        ({"results": ["ok", "rejected", "ok"]}, [None, Rejected, None]),
        (["ok", "REJECTED", "ok"], [None, Rejected, None]),
        ([{"status": "ok"}, {"status": "ok"}, {"status": "rejected"}], [None, None, Rejected]),
        (
            {
                "results": [
                    {"idempotency_key": k, "status": s} for k, s in (("c", "rejected"), ("a", "ok"), ("b", "ok"))
                ]
            },
            [None, None, Rejected],
        ),
        ({"results": [{"idempotency_key": "b", "status": "rejected"}]}, [Passing, Rejected, Passing]),
    ],
)
def test_the_items_of_a_batch_are_told_apart(body: Any, expected: list[type | None]) -> None:
    assert batch(answer(200, body)) == expected


@pytest.mark.parametrize(
    ("answered", "meaning"),
    [
        *((answer(status), NoArrays) for status in (400, 404, 405, 413, 415, 422)),
        (answer(200, {"results": ["ok"]}), NoArrays),
        (answer(200, b'{"results": [{"status": "reject', is_whole=False), NoArrays),
        (answer(200, {"status": "rejected"}), Rejected),
        (answer(401), Refused),
        (answer(503), Passing),
        (answer(429), Passing),
    ],
)
def test_an_array_that_says_nothing_of_its_items_leaves_all_of_them_owed(
    answered: Answer, meaning: type[IngestFault]
) -> None:
    with pytest.raises(IngestFault) as caught:
        batch(answered)
    assert type(caught.value) is meaning


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("-3", 0.0),
        ("1.5", 1.5),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_asked(header, NOW) == seconds


@given(
    failures=st.integers(min_value=1, max_value=1_000),
    asked=st.none() | st.floats(min_value=0, max_value=1e9),
    most=st.floats(min_value=1, max_value=60),
    seed=st.integers(),
)
def test_waits_are_jittered_bounded_and_never_shorter_than_asked_within_the_bound(
    failures: int, asked: float | None, most: float, seed: int
) -> None:
    pace = Pace()
    waited = wait_s(failures=failures, asked_s=asked, most_s=most, pace=pace, random=Random(seed))
    cap = min(pace.retry_first_s * 2 ** min(failures - 1, 20), most)
    if asked is None:
        assert 0 <= waited <= cap
    else:
        least = min(asked, pace.retry_after_most_s)
        assert least <= waited <= least + pace.retry_first_s


ROWS = [("t1", "result", 0), ("t2", "error", 0)]


def test_what_no_receipt_for_this_place_covers_is_owed_oldest_first() -> None:
    events = [receipt_of(A, ROWS, "delivered")]
    owing = [Owing("t3", 0), Owing("t1", 0), Owing("t2", 0), Owing("t4", 0)]
    assert owed(owing, book_of(events, A)) == ["t3", "t4"]
    assert owed(owing, book_of(events, B)) == ["t3", "t1", "t2", "t4"]


def test_a_record_that_is_judged_again_is_no_new_result_but_a_failure_that_was_answered_is() -> None:
    book = book_of([receipt_of(A, ROWS, "delivered")], A)
    assert book.holds(Owing("t1", 1, "result"))
    assert not book.holds(Owing("t2", 1, "result"))
    assert not book.holds(Owing("t1", 1)), "who does not know the kind has to look"


def test_the_first_seal_counts_at_every_place_until_it_is_settled_there() -> None:
    events = [seal_of(A, [("t1", "result", b"first")]), seal_of(A, [("t1", "result", b"second")])]
    assert book_of(events, A).seal_of("t1", "result") == b"first"
    assert book_of(events, B).seal_of("t1", "result") == b"first"
    settled = [*events, receipt_of(A, ROWS, "delivered")]
    assert book_of(settled, A).has("t1", "result") and not book_of(settled, B).has("t1", "result")
    assert book_of(settled, B).seal_of("t1", "result") == b"first"


def test_what_is_owed_is_known_without_the_settings() -> None:
    owing = [Owing("t1", 0, "result"), Owing("t3", 0, "result")]
    assert owed_as_journalled(owing, [], None) is None
    assert owed_as_journalled(owing, [], A) == 2
    events: list[dict[str, Any]] = [seal_of(A, [("t1", "result", b"x")])]
    assert owed_as_journalled(owing, events, None) == 2
    events.append(receipt_of(A, ROWS, "delivered"))
    assert owed_as_journalled(owing, events, None) == 1
    assert owed_as_journalled(owing, events, B) == 2


@given(st.data())
def test_nothing_in_a_backlog_is_ever_lost_or_under_way_twice(data: st.DataObject) -> None:
    names = [f"t{number}" for number in range(6)]
    backlog, now = Backlog(names[:3]), 0.0
    under_way: dict[str, bool] = {}
    expected = dict.fromkeys(names[:3])
    steps: list[tuple[str, Callable[[str], object]]] = [
        ("settle", backlog.settle),
        ("park", backlog.park),
        ("wait", lambda trial: backlog.wait_until(trial, now + 1.0)),
        ("back", backlog.put_back),
    ]
    for _ in range(data.draw(st.integers(0, 40))):
        move = data.draw(st.sampled_from(["offer", "take", "end", "again", "later"]))
        if move == "offer":
            trial = data.draw(st.sampled_from(names))
            backlog.offer(trial)
            expected[trial] = None
            if trial in under_way:
                under_way[trial] = True
        elif move == "take" and (trial_taken := backlog.take(now)) is not None:
            assert trial_taken in expected and trial_taken not in under_way
            under_way[trial_taken] = False
        elif move == "end" and under_way:
            trial = data.draw(st.sampled_from(sorted(under_way)))
            name, step = data.draw(st.sampled_from(steps))
            step(trial)
            if not under_way.pop(trial) and name == "settle":
                del expected[trial]
        elif move == "again":
            backlog.try_again()
        elif move == "later":
            now += 1.0
        assert backlog.owed == len(expected)
    for trial in list(under_way):
        backlog.put_back(trial)
    backlog.try_again()
    drained = []
    while (taken := backlog.take(now)) is not None:
        drained.append(taken)
        backlog.settle(taken)
    assert sorted(drained) == sorted(expected) and backlog.owed == 0 and backlog.is_idle


def test_who_was_tried_before_is_next_when_its_moment_has_come_and_the_others_go_oldest_first() -> None:
    backlog = Backlog(["a", "b", "c"])
    assert backlog.take(0.0) == "a"
    backlog.wait_until("a", 5.0)
    assert backlog.take(4.9) == "b"
    assert backlog.take(5.0) == "a"
    assert backlog.take(5.0) == "c"
    for trial in ("c", "b", "a"):
        backlog.park(trial)
    assert backlog.is_idle and backlog.take(9.0) is None
    backlog.try_again()
    assert [backlog.take(9.0) for _ in range(4)] == ["a", "b", "c", None]
