"""Is a record, as it is built, what every reader of the data can read?"""

import json
import math
from random import Random
from typing import Any

from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import Message, ModelName, Sampling
from trialbed.core.outcome import Outcome
from trialbed.core.plan import Plan
from trialbed.core.record import FREE_FORM
from trialbed.core.transcript import Transcript
from trialbed.core.verdict import Verdict
from trialbed.engine.recording import Ended, RunFacts, build_record

PLAN = Plan(
    experiment="probe",
    version="1.0.0",
    scenarios=(Scenario(id="scene"),),
    variants=(Variant(id="baseline"),),
    baseline="baseline",
    subjects=(ModelName("bedrock", "maker.model"),),
    sampling=Sampling(),
    repeats=1,
    seed=42,
)
MOST_DECIMALS = 9


def call(role: str, odd: float) -> dict[str, Any]:
    """An answered call whose service and judge gave a number of many decimals."""
    return {
        "role": role,
        "latency_s": 0.1,
        "stop_reason": "end_turn",
        "request_id": "r1",
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "echoed_parameters": {"score": odd, "steps": [odd]},
        "reply": {"text": f"{odd}", "data": {"level": odd}},
        "attempts": [],
    }


def test_a_number_that_json_cannot_hold_becomes_null() -> None:
    ended = Ended(Outcome.TRUNCATED, "cut", Transcript(None), [], [], [call("subject", math.nan)], 0, *["now"] * 2)
    record = build_record(RunFacts("run", 0, PLAN, {}), next(PLAN.trials()), ended, revision=0)
    assert json.loads(record.as_json())["echoed_parameters"] == {"score": None, "steps": [None]}


def test_columns_of_free_form_hold_no_number_that_readers_would_change() -> None:
    odd = Random(7).random() / 3
    ended = Ended(
        outcome=Outcome.ANSWERED,
        reason=None,
        transcript=Transcript(None, (Message("user", "Well?"), Message("assistant", f"It is {odd}."))),
        verdicts=[Verdict.of("level", level=odd)],
        notes=[],
        calls=[call("subject", odd), call("judge", odd)],
        repairs=0,
        started_at="2026-11-20T12:00:00.000Z",
        ended_at="2026-11-20T12:00:01.000Z",
    )
    record = build_record(RunFacts("run", 0, PLAN, {}), next(PLAN.trials()), ended, revision=0)
    row = record.as_row()
    assert json.loads(record.as_json()) == row and list(json.loads(record.as_json())) == list(row)
    numbers: list[str] = []
    for column in FREE_FORM:
        json.loads(json.dumps(row[column]), parse_float=lambda text: numbers.append(text))
    assert len(numbers) >= 9 and all(len(number.partition(".")[2]) <= MOST_DECIMALS for number in numbers)
    assert row["conversation_log"][-1]["content"] == f"It is {odd}."
    assert row["calls"][1]["reply"]["text"] == f"{odd}"
