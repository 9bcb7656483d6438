"""What do the tests of the S3 sink send? Records of judged dialogues, and the same turns as a run tells them live."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.torture.hub_material import record as any_record
from trialbed.core.clock import iso_z
from trialbed.core.outcome import Outcome
from trialbed.core.record import Record, Said
from trialbed.core.turn import JudgedTurn, TurnTaken
from trialbed.core.verdict import Verdict
from trialbed.engine.recording import for_readers
from trialbed.sinks.s3.target import Pace

JUDGE = "bedrock:anthropic.claude-3-5-sonnet-20241022-v1:0"
STARTED = datetime(2025, 11, 5, 10, 30, 0, 250_000, tzinfo=UTC)
FAST = Pace(gather_s=0.01, retry_first_s=0.02, retry_most_s=0.2, connect_s=5.0, answer_s=3.0)
_WORDS = ["plain", "naïve", "\u2028", "漢字", "🙂", "\\", '"quoted"', "\r\n", "\u0000"]


@dataclass(frozen=True)
class Turn:
    """One turn as a run knows it."""

    taken: TurnTaken
    judged: JudgedTurn
    judge_calls: tuple[dict[str, Any], ...]


def call(role: str, model: str, at_s: float, latency_s: float, **more: Any) -> dict[str, Any]:
    """An entry of `calls`, begun `at_s` after the run was."""
    return {
        "role": role,
        "model": model,
        "started_at": iso_z(STARTED + timedelta(seconds=at_s)),
        "latency_s": round(latency_s, 6),
        "usage": {"input_tokens": 120, "output_tokens": 18, "cache_read_tokens": 0, "cache_write_tokens": 0},
        **more,
    }


def turns(index: int, count: int = 3, *, judging: int = 0, judges: Sequence[str] = (JUDGE,)) -> list[Turn]:
    """The dialogue of one trial; another index gives other words, another judging other verdicts."""
    return [_turn(index, turn, judging, judges) for turn in range(count)]


def _turn(index: int, turn: int, judging: int, judges: Sequence[str]) -> Turn:
    said = Random(f"said:{index}:{turn}")
    asked, answer = (" ".join(said.choices(_WORDS, k=4)) for _ in range(2))
    taken = TurnTaken(turn, asked, answer, call("subject", "bedrock:amazon.nova-pro-v1:0", turn * 10, said.random()))
    random = Random(f"judged:{index}:{turn}:{judging}")
    verdicts = []
    for judge in judges:
        form = random.choice([0, 0.1 + 0.2, 2.5, 3])
        values = {"form": form, "overall_score": form + 4, "rationale": {"form": "one question"}, "note": (1, 0.1 * 3)}
        verdicts.append(Verdict("turn", values, judge=judge, turn=turn, judging=judging))
    rule = Verdict("heuristics", {"question_count": random.randrange(3), "spans": ((0, 3),)}, turn=turn)
    calls = tuple(call("judge", judge, 100 * judging + turn * 10 + 2, random.random(), turn=turn) for judge in judges)
    return Turn(taken, JudgedTurn(turn, (*verdicts, replace(rule, judging=judging))), calls)


def record(index: int, dialogue: Sequence[Turn], *judged_again: Sequence[Turn], revision: int = 0) -> Record:
    """The record of a trial as a run writes it; further judgings of the same turns as `trialbed judge` adds them."""
    calls = [one for turn in dialogue for one in (turn.taken.call, *turn.judge_calls)]
    for judging, again in enumerate(judged_again, start=1):
        calls += [{**one, "judging": judging} for turn in again for one in turn.judge_calls]
    verdicts = [one for every in (dialogue, *judged_again) for turn in every for one in turn.judged.verdicts]
    log = [Said(role="system", content="be brief")]
    for turn in dialogue:
        log.append(Said(role="user", content=turn.taken.asked))
        if turn.taken.said:
            log.append(Said(role="assistant", content=turn.taken.said))
    return any_record(index).model_copy(
        update={
            "revision": revision,
            "outcome": Outcome.ANSWERED,
            "evaluation": {"overall_score": round(4.5 + len(judged_again), 9), "half_life": None},
            "conversation_log": log,
            "calls": [for_readers(one) for one in calls],
            "verdicts": [for_readers(one.as_dict()) for one in verdicts],
        }
    )
