"""What has been said and paid for in one trial? Writes it to the journal, and replays it on resume.

An answered call is found again by the hash of what was asked, so a resumed trial runs the same code
from its beginning and pays only for what was never answered.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from trialbed.core.model import ModelReply, ModelRequest, Role, Usage
from trialbed.core.outcome import Outcome
from trialbed.core.record import Record
from trialbed.core.student import is_a_line
from trialbed.core.timing import timing_of
from trialbed.core.tracing import UNTRACED_TRIAL, TrialSpan
from trialbed.sinks.journal.writer import Journal


class TrialLog:
    """The journal, as one trial sees it. `calls` are the answered calls, in the record's form.

    `span` is the trial's in the trace of this sitting: calls find their parent here.
    """

    def __init__(
        self,
        journal: Journal,
        trial_id: str,
        *,
        replay: Mapping[str, Iterable[dict[str, Any]]],
        span: TrialSpan = UNTRACED_TRIAL,
    ) -> None:
        self.trial_id = trial_id
        self.span = span
        self.calls: list[dict[str, Any]] = []
        self._journal = journal
        self._replay = {key: deque(answers) for key, answers in replay.items()}

    def earlier(self, request: ModelRequest) -> ModelReply | None:
        """The answer this very request got before the run was interrupted, if it did."""
        answers = self._replay.get(request.content_hash)
        if not answers:
            return None
        event = answers.popleft()
        self.calls.append(event["call"])
        return _reply_of(event)

    def attempt(self, request: ModelRequest, role: Role, number: int, why: str, most_usd: float) -> None:
        """An attempt is about to be sent; `why` is "first" or the error that made it necessary.

        `most_usd` is what it may cost at most, under a spending limit: if nothing more is heard of it, it counts.
        """
        self._journal.post(
            "attempt",
            self.trial_id,
            request=request.content_hash,
            **({"most_usd": most_usd} if most_usd else {}),
            role=role,
            model=str(request.model),
            n=number,
            why=why,
        )

    def failed(self, request: ModelRequest, role: Role, failure: dict[str, Any]) -> None:
        self._journal.post(
            "attempt_failed",
            self.trial_id,
            request=request.content_hash,
            error=failure["error"],
            role=role,
            model=str(request.model),
            **{key: value for key, value in failure.items() if key != "error"},
        )

    async def answered(self, request: ModelRequest, reply: ModelReply, call: dict[str, Any]) -> None:
        """Put an answer on disk, also when the run is being cut; nothing may depend on it before this returns."""
        self.calls.append(call)
        await self._journal.write(
            "answer",
            self.trial_id,
            request=request.content_hash,
            # Before all free text: a reader adds these up without parsing the line.
            **{name: call[name] for name in ("cost_usd", "presumed_cost_usd") if name in call},
            text=reply.text,
            data=reply.data,
            reasoning=reply.reasoning,
            repairs=reply.repairs,
            call=call,
        )

    def verdict(self, task: str, request_hash: str, complaint: str | None) -> None:
        """A judge's answer was found valid (no complaint) or not."""
        self._journal.post("verdict", self.trial_id, task=task, request=request_hash, complaint=complaint)

    def stopped(self, outcome: Outcome) -> None:
        """The trial was left before its end; it goes on when the run is resumed."""
        self._journal.post("trial_stopped", self.trial_id, outcome=outcome.value)

    async def judging_failed(self, judging: int, reason: str) -> None:
        """Put on disk that the judges of a stored transcript gave no verdict; its record stays as it was."""
        await self._journal.write("judging_failed", self.trial_id, n=judging, reason=reason)

    async def recorded(self, record: Record) -> None:
        """Put the record on disk."""
        await self._journal.write(
            "record",
            self.trial_id,
            outcome=record.outcome.value,
            revision=record.revision,
            variant=record.prompt_variant,
            record=orjson.Fragment(record.as_json()),
        )


def open_log(journal: Journal, trial_id: str, span: TrialSpan = UNTRACED_TRIAL) -> TrialLog:
    """The log of a trial with whatever it may replay."""
    replay: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in _replayable(journal, trial_id):
        replay[event["request"]].append(event)
    return TrialLog(journal, trial_id, replay=replay, span=span)


def _replayable(journal: Journal, trial_id: str) -> list[dict[str, Any]]:
    """The trial's answers, in order.

    A trial whose judging failed asks its judges anew, except where their answer was valid; a student that said no
    line is asked again.
    """
    recorded = journal.state.recorded.get(trial_id)
    is_error = recorded is not None and recorded.outcome is Outcome.JUDGE_ERROR
    failed_at = recorded.place.offset if recorded is not None and is_error else 0
    failed_at = max(failed_at, journal.state.judging_failed.get(trial_id, 0))
    answers: list[dict[str, Any]] = []
    unproven: dict[str, dict[str, Any]] = {}
    for place in journal.state.open_places.get(trial_id, ()):
        event = orjson.loads(journal.read(place))
        request = event["request"]
        if event["e"] == "answer" and event["call"]["role"] == "judge" and place.offset < failed_at:
            unproven[request] = event
        elif event["e"] == "answer" and _is_no_line(event):
            continue
        elif event["e"] == "answer":
            unproven.pop(request, None)
            answers.append(event)
        elif event["complaint"] is None and request in unproven:
            answers.append(unproven.pop(request))
    return answers


def _is_no_line(event: Mapping[str, Any]) -> bool:
    call = event["call"]
    return call["role"] == "student" and not (is_a_line(call["stop_reason"]) and event["text"].strip())


def _reply_of(event: dict[str, Any]) -> ModelReply:
    call = event["call"]
    usage = {key: value for key, value in call["usage"].items() if key != "total_tokens"}
    return ModelReply(
        text=event["text"],
        stop_reason=call["stop_reason"],
        usage=Usage(**usage),
        data=event["data"],
        request_id=call["request_id"],
        sent=call["sent_parameters"],
        echoed=call["echoed_parameters"],
        unsupported=tuple(call["unsupported"]),
        reasoning=event["reasoning"],
        repairs=event["repairs"],
        timing=timing_of(call["timing"]) if "timing" in call else None,
    )
