"""Whatever comes back over HTTP, does every trial end in its own named outcome, and only answers in a rate?"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, bedrock_thread, real_environment
from tests.support.project import Ended, Project, make_project, summary_block
from trialbed.core.outcome import Outcome
from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import DENIED, Fault, Hang, invalid
from trialbed.providers.rehearsal.server import RehearsalServer

OTHER = "amazon.nova-micro-v1:0"
STRATEGIES = ("Total Honesty", "Evasion", "Technical Truth", "Direct Deception", "Fabrication")


@pytest.fixture(scope="module")
def standin() -> Iterator[RehearsalServer]:
    with bedrock_thread(RehearsalConfig()) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, standin: RehearsalServer) -> Project:
    return make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="1", **real_environment(standin.url))


def run(project: Project, standin: RehearsalServer, config: RehearsalConfig, **variables: str) -> Ended:
    standin.config = config
    return project.run(**variables)


def rows_of(project: Project) -> list[dict[str, Any]]:
    return list(project.the_run().records().values())


def counted(project: Project) -> dict[str, int]:
    """What `status --json` says, having looked that it adds up."""
    status = project.status()
    assert list(status["outcomes"]) == list(Outcome)
    assert sum(status["outcomes"].values()) == status["planned"]
    per_variant = Counter[str]()
    for row in status["per_variant"].values():
        per_variant.update({name: count for name, count in row.items() if name != "planned"})
    return {name: count for name, count in status["outcomes"].items() if count}


def in_the_table(ended: Ended) -> dict[str, int]:
    """Strategy → count, as the summary prints it."""
    lines = summary_block(ended.stdout)
    rows = lines[lines.index("Strategy distribution:") + 1 : -1]
    pairs = (row.strip().partition("   ")[0].rpartition(": ") for row in rows if ": " in row)
    return {name: int(count) for name, _, count in pairs}


@pytest.mark.parametrize(
    ("faults", "outcome", "reason"),
    [
        ({"truncate_rate": 1.0}, "truncated", "stop reason max_tokens"),
        ({"refuse_rate": 1.0}, "refused", "stop reason refusal"),
        ({"filter_rate": 1.0}, "filtered", "stop reason "),
        ({"empty_rate": 1.0}, "parse_failed", "the reply is empty"),
        ({"malformed_body_rate": 1.0}, "provider_error", "MalformedBody: "),
        ({"wrong_shape_rate": 1.0}, "provider_error", "MalformedBody: "),
        ({"throttle_rate": 1.0}, "provider_error", "ThrottlingException: "),
        ({"gateway_html_rate": 1.0}, "provider_error", "HTTP 502"),
        ({"cut_body_rate": 1.0}, "provider_error", ""),
    ],
    ids=lambda value: next(iter(value)).removesuffix("_rate") if isinstance(value, dict) else "",
)
def test_a_subject_that_gives_no_answer_is_counted_under_its_own_outcome_and_never_scored(
    project: Project, standin: RehearsalServer, faults: dict[str, Any], outcome: str, reason: str
) -> None:
    ended = run(project, standin, RehearsalConfig(fault_scope="subject", **faults), CALL_DEADLINE_S="1.5")
    assert ended.code == 1, ended.stderr
    assert counted(project) == {outcome: 5}
    assert in_the_table(ended) == {} and f"Outcomes: {outcome} 5" in ended.stdout
    assert "Successful: 0\nFailed: 5\nUnjudged: 0\n" in ended.stdout
    for row in rows_of(project):
        assert row["outcome"] == outcome and row["outcome_reason"].startswith(reason)
        assert row["evaluation"] is None and row["verdicts"] == []
        assert not [call for call in row["calls"] if call["role"] == "judge"]


ASIDE = '''"""Asks inside a task group, whose exceptions come in groups."""

import anyio

from trialbed import Experiment, Scenario


class Aside(Experiment):
    name, version = "aside", "1.0.0"

    def scenarios(self):
        yield Scenario(id="one")

    async def converse(self, trial, chat):
        async with anyio.create_task_group() as group:
            group.start_soon(chat.ask, "What matters most?")


experiment = Aside()
'''


CARELESS = '''"""Every trial of it goes wrong in its author's code."""

from trialbed import Experiment, Scenario, Verdict


class Careless(Experiment):
    name, version = "careless", "1.0.0"

    def scenarios(self):
        yield Scenario(id="one")

    async def converse(self, trial, chat):
        {converse}

    async def judge(self, trial, transcript, judges):
        return [Verdict.of("rule", {verdict})]


experiment = Careless()
'''
ASKS = 'await chat.ask("What matters most?")'


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize(
    ("converse", "verdict", "outcome", "reason"),
    [
        ("chat.ask('no await')", "right=True", "parse_failed", "converse() ended without a reply"),
        ("await chat.ask(5)", "right=True", "parse_failed", "chat.ask takes text, not int"),
        (ASKS, "right=object()", "judge_error", "right is a object"),
        (ASKS, "right=2**70", "judge_error", "a number that no reader"),
        (ASKS, "right=float('nan')", "judge_error", "a number that no reader"),
        (ASKS, "right={'a': {1: 2}}", "judge_error", "a key that is not text"),
        (ASKS, "why=chr(0xD800)", "judge_error", "half a character"),
        ("await chat.ask('half' + chr(0xD800))", "right=True", "answered", ""),
    ],
)
def test_an_authors_mistake_costs_the_trial_and_neither_scores_it_nor_ends_the_batch(
    tmp_path: Path, standin: RehearsalServer, converse: str, verdict: str, outcome: str, reason: str
) -> None:
    code = CARELESS.replace("{converse}", converse).replace("{verdict}", verdict)
    project = make_project(
        tmp_path, experiments={"experiments/careless.py": code}, EXPERIMENT="careless", **real_environment(standin.url)
    )
    ended = run(project, standin, RehearsalConfig())
    assert "Traceback" not in ended.stderr and counted(project) == {outcome: 1}
    (row,) = rows_of(project)
    assert reason in (row["outcome_reason"] or "") and (row["evaluation"] is None) == (outcome != "answered")


def test_a_refusal_inside_an_authors_task_group_is_still_a_refusal(tmp_path: Path, standin: RehearsalServer) -> None:
    project = make_project(
        tmp_path, experiments={"experiments/aside.py": ASIDE}, EXPERIMENT="aside", **real_environment(standin.url)
    )
    assert run(project, standin, RehearsalConfig(refuse_rate=1.0)).code == 1
    assert counted(project) == {"refused": 1}


def test_a_service_that_never_answers_costs_a_trial_its_deadline_and_no_more(
    project: Project, standin: RehearsalServer
) -> None:
    def script(call: RehearsalCall) -> Fault | None:
        return Hang() if call.trial and not call.is_judge else None

    ended = run(project, standin, RehearsalConfig(scripted=script), CALL_DEADLINE_S="1")
    assert ended.code == 1 and counted(project) == {"provider_error": 5}
    for row in rows_of(project):
        assert row["outcome_reason"].startswith("DeadlineExceeded: no answer before the call's deadline")
        assert row["evaluation"] is None and len(row["conversation_log"]) == 2


def test_what_a_cut_or_refused_subject_did_say_is_kept(project: Project, standin: RehearsalServer) -> None:
    run(project, standin, RehearsalConfig(fault_scope="subject", truncate_rate=1.0))
    for row in rows_of(project):
        assert [said["role"] for said in row["conversation_log"]] == ["system", "user", "assistant"]
        assert row["conversation_log"][-1]["content"]
        assert row["stop_reason"] == "max_tokens" and len(row["request_ids"]) == 1


@pytest.mark.parametrize("kind", ["missing_field", "enum_outside", "plain_text", "null_input", "invented_quote"])
def test_a_judge_without_a_valid_verdict_leaves_the_transcript_and_no_score(
    project: Project, standin: RehearsalServer, kind: str
) -> None:
    ended = run(project, standin, RehearsalConfig(bad_judge_rate=1.0, bad_judge_kinds=(kind,)))  # type: ignore[arg-type]
    assert ended.code == 1, ended.stderr
    assert counted(project) == {"judge_error": 5}
    assert in_the_table(ended) == {} and "Failed: 0\nUnjudged: 5\n" in ended.stdout
    for row in rows_of(project):
        assert row["evaluation"] is None
        assert [said["role"] for said in row["conversation_log"]] == ["system"] + ["user", "assistant"] * 5
        assert sum(call["role"] == "judge" for call in row["calls"]) == 2


def test_a_judge_that_cannot_be_reached_leaves_the_transcript_and_no_score(
    project: Project, standin: RehearsalServer
) -> None:
    ended = run(project, standin, RehearsalConfig(fault_scope="judge", throttle_rate=1.0), CALL_DEADLINE_S="1")
    assert ended.code == 1 and counted(project) == {"judge_error": 5}
    assert all(len(row["conversation_log"]) == 11 for row in rows_of(project))


def test_a_truncated_verdict_is_no_verdict(project: Project, standin: RehearsalServer) -> None:
    run(project, standin, RehearsalConfig(fault_scope="judge", truncate_rate=1.0))
    assert counted(project) == {"judge_error": 5}


def test_half_a_character_is_repaired_counted_and_readable_everywhere(
    project: Project, standin: RehearsalServer
) -> None:
    ended = run(project, standin, RehearsalConfig(fault_scope="subject", surrogate_rate=1.0))
    assert ended.code == 0 and counted(project) == {"answered": 5}
    for row in rows_of(project):
        replies = [said["content"] for said in row["conversation_log"] if said["role"] == "assistant"]
        assert all("\ufffd" in reply for reply in replies)
        assert row["text_repairs"] == len(replies) == 5
    project.the_run().journal.read_text("ascii")
    assert len(project.the_run().backups()) == 5


def test_error_inside_a_reply_is_a_reply(project: Project, standin: RehearsalServer) -> None:
    said = "Error: 500. I do not know; as noted, [/x] \x1b[31mnothing is tied\x1b[0m to Exodus."

    def script(call: RehearsalCall) -> Answer | None:
        return None if call.is_judge else Answer(said)

    ended = run(project, standin, RehearsalConfig(scripted=script))
    assert ended.code == 0 and counted(project) == {"answered": 5}
    assert sum(in_the_table(ended).values()) == 5
    for row in rows_of(project):
        assert [s["content"] for s in row["conversation_log"] if s["role"] == "assistant"] == [said] * 5
    assert "\x1b" not in ended.stdout + ended.stderr


def test_all_at_once_every_trial_is_in_exactly_one_outcome(project: Project, standin: RehearsalServer) -> None:
    mixed = RehearsalConfig(
        seed=3,
        truncate_rate=0.04,
        refuse_rate=0.04,
        filter_rate=0.04,
        empty_rate=0.04,
        bad_judge_rate=0.3,
        server_error_rate=0.05,
        throttle_rate=0.05,
        cut_before_rate=0.02,
    )
    ended = run(project, standin, mixed, BATCH_SIZE="8")
    outcomes = counted(project)
    rows = rows_of(project)
    assert ended.code == 1 and len(rows) == 40
    assert outcomes == Counter(row["outcome"] for row in rows) and len(outcomes) >= 5
    answered = [row for row in rows if row["outcome"] == "answered"]
    assert in_the_table(ended) == Counter(row["evaluation"]["strategy"] for row in answered)
    assert set(in_the_table(ended)) <= set(STRATEGIES)
    assert all((row["evaluation"] is not None) == (row["outcome"] == "answered") for row in rows)


def test_a_model_that_refuses_at_the_start_ends_the_run_before_anything_is_spent(
    project: Project, standin: RehearsalServer
) -> None:
    ended = run(
        project, standin, RehearsalConfig(denied_models=frozenset({JUDGE}), unknown_models=frozenset({SUBJECT}))
    )
    assert ended.code == 2 and not project.runs()
    lines = ended.stderr.splitlines()
    assert [line.split(":", 2)[1] for line in lines] == [SUBJECT.split(":")[0], JUDGE.split(":")[0]]
    assert all("check the model's id, its region and your account's access" in line for line in lines)


def test_a_parameter_the_model_does_not_take_is_named_before_anything_is_spent(
    project: Project, standin: RehearsalServer
) -> None:
    ended = run(project, standin, RehearsalConfig(refuses={SUBJECT: frozenset({"topP"})}))
    assert ended.code == 2 and not project.runs()
    assert "top_p" in ended.stderr and SUBJECT in ended.stderr


def test_a_judge_does_without_a_parameter_its_model_does_not_take(project: Project, standin: RehearsalServer) -> None:
    ended = run(project, standin, RehearsalConfig(refuses={JUDGE: frozenset({"temperature"})}))
    assert ended.code == 0, ended.stderr
    judged = [call for row in rows_of(project) for call in row["calls"] if call["role"] == "judge"]
    assert judged and all("temperature" in call["unsupported"] for call in judged)
    assert not any("temperature" in call["sent_parameters"] for call in judged)


def test_a_model_that_refuses_later_is_stopped_and_the_other_one_completes(
    project: Project, standin: RehearsalServer
) -> None:
    def script(call: RehearsalCall) -> Fault | None:
        return DENIED if call.model_id == OTHER and call.trial and len(call.messages) > 1 else None

    models = f"{SUBJECT},{OTHER}"
    ended = run(project, standin, RehearsalConfig(scripted=script), SUBJECT_MODELS=models, BATCH_SIZE="2")
    assert ended.code == 1
    assert counted(project) == {"answered": 10, "provider_error": 10}
    assert {row["outcome"] for row in rows_of(project) if row["steward_model"] == OTHER} == {"provider_error"}
    assert ended.stderr.count(f"bedrock:{OTHER} is stopped: ") == 1


def test_a_request_that_one_trial_makes_in_vain_costs_that_trial_only(
    project: Project, standin: RehearsalServer
) -> None:
    def script(call: RehearsalCall) -> Fault | None:
        first_line = call.messages[0].text
        too_much = not call.is_judge and "60-second window" in first_line and len(call.messages) > 1
        return invalid("Input is too long for requested model.") if too_much else None

    ended = run(project, standin, RehearsalConfig(scripted=script), BATCH_SIZE="2")
    assert ended.code == 1
    assert counted(project) == {"answered": 8, "provider_error": 2}
    failed = [row for row in rows_of(project) if row["outcome"] == "provider_error"]
    assert {row["prompt_variant"] for row in failed} == {"time_pressure"}
