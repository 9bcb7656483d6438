"""What do the tests of the Hub sink push? Records of every shape, and a journal to keep them in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import anyio

from trialbed.core.canonical import digest
from trialbed.core.clock import SystemClock
from trialbed.core.outcome import Outcome
from trialbed.core.record import Record, Said, SubjectConfig, TokenUsage
from trialbed.sinks.hub.target import HubTarget, Pace, RunCard
from trialbed.sinks.journal.file import JournalFile
from trialbed.sinks.journal.state import read_state
from trialbed.sinks.journal.writer import Journal

RUN = "dilemma_20261120_1"
REPO = "user/rows"
FAST = Pace(
    connect_s=2.0,
    answer_s=1.0,
    commit_gap_s=0.05,
    retry_first_s=0.02,
    retry_most_s=0.2,
    quota_wait_s=0.05,
)
_WORDS = ["plain", "naïve", "\u2028line", "\u0085next", "漢字", "🙂", "\\", '"quoted"', "\r\n", "\t", "[/x]", "\u0000"]
_EVALUATIONS: list[Any] = [
    None,
    {},
    {"score": 1},
    {"score": 1.5, "why": "nested", "parts": [{"a": None}, {"a": [1, "x"]}]},
    {"score": None, "parts": []},
    {"score": "high", "deep": {"er": {"est": [[], [None], [1.0]]}}},
]


def card(run: str = RUN, planned: int = 100) -> RunCard:
    """The facts of a run."""
    plan = {
        "experiment": "dilemma",
        "scenarios": [{"id": "bribe"}, {"id": "<b>lie</b>"}],
        "variants": [{"id": "neutral", "baseline": True}, {"id": "formal", "baseline": False}],
        "subjects": ["bedrock:amazon.nova-pro-v1:0"],
        "judges": [],
        "repeats": 5,
        "seed": 7,
        "sampling": {"temperature": 0.7, "top_p": None},
    }
    return RunCard(
        experiment="dilemma",
        version="1.0.0",
        run=run,
        plan=plan,
        plan_hash=digest(plan),
        provenance={"code_commit": "0" * 40, "sdk": {"botocore": "1.40"}},
        subjects=("arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",),
        planned=planned,
    )


def target(hub_endpoint: str | None, token: str, **changes: Any) -> HubTarget:
    """A target with short pauses."""
    return HubTarget(**{"repo_id": REPO, "token": token, "commit_every_s": 0.1, "endpoint": hub_endpoint, **changes})


def trial_id(index: int) -> str:
    return digest(["trial", index])


def record(index: int, revision: int = 0, *, run: str = RUN, provider: str = "bedrock", size: int = 200) -> Record:
    """The record of one trial; another index or revision gives other content and shapes."""
    random = Random(f"{run}:{index}:{revision}")
    usage = TokenUsage(
        input_tokens=random.randrange(2**40), output_tokens=0, cache_read_tokens=0, cache_write_tokens=0, total_tokens=1
    )
    words = " ".join(random.choice(_WORDS) for _ in range(random.randrange(1, 9)))
    return Record(
        run=run,
        run_id=digest([run, index]),
        trial_id=trial_id(index),
        block_id=digest(["block", index // 2]),
        plan_hash="p" * 20,
        revision=revision,
        timestamp="2026-11-20T12:34:56.789Z",
        started_at="2026-11-20T12:34:50.000Z",
        experiment="dilemma",
        experiment_version="1.0.0",
        scenario="bribe",
        prompt_variant="neutral",
        repeat=index,
        outcome=random.choice([Outcome.ANSWERED, Outcome.REFUSED]),
        outcome_reason=random.choice([None, "why"]),
        evaluation=random.choice(_EVALUATIONS),
        verdicts=[{"judge": "j", "value": random.choice([1, 1.0, None, "x"])}] * random.randrange(3),
        conversation_log=[
            Said(role="user", content=words),
            Said(role="assistant", content=random.randbytes(random.randrange(size)).hex()),
        ],
        provider=provider,
        steward_model="amazon.nova-pro-v1:0",
        model_settings=SubjectConfig(
            temperature=random.choice([None, 1.0, 0.7]),
            top_p=None,
            seed=2**53 - 1,
            max_tokens=10,
            steward_version="v",
            judge_version=None,
        ),
        requested_parameters={"temperature": random.choice([1, 1.0, None])},
        sent_parameters={},
        echoed_parameters=random.choice([{}, {"x": []}, {"x": ["s"]}]),
        unsupported=random.choice([[], ["top_p"]]),
        seed_sent=False,
        stop_reason=random.choice([None, "end_turn"]),
        request_ids=random.choice([[], ["r-1"]]),
        usage=usage,
        judge_usage=usage,
        cost_usd=random.choice([None, 0.0, 1.25]),
        latency_s=random.choice([3.0, 0.1]),
        calls=[{"attempts": [{"status": random.choice([200, None])}]}],
        text_repairs=0,
        deviations=[],
        code_commit=None,
        python_version="3.11",
        provenance={"packages": {"a": None}},
    )


@asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """The real journal, written by a task of its own."""
    path = folder / "journal.jsonl"
    with JournalFile(path) as file:
        journal = Journal(file, read_state(path), clock=SystemClock(), patience_s=1.0, on_trouble=lambda error: None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.keep, name="journal")
            try:
                yield journal
            finally:
                journal.close()


async def keep(journal: Journal, row: Record) -> None:
    """Put a record into the journal, durable."""
    await journal.write(
        "record",
        row.trial_id,
        outcome=row.outcome.value,
        revision=row.revision,
        variant=row.prompt_variant,
        record=row.as_row(),
    )
