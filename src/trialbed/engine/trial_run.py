"""How does one trial come to exactly one named outcome? Here failures become data; those of judging in `judged`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio

from trialbed.core.clock import Clock, iso_z
from trialbed.core.conversation import Chat, Send, TurnEnded
from trialbed.core.errors import Drained, GaveUp, ModelStopped, UserError
from trialbed.core.experiment import Experiment
from trialbed.core.judge import Judge, JudgeFailed
from trialbed.core.model import ModelReply, ModelRequest
from trialbed.core.outcome import Outcome
from trialbed.core.student import Student, StudentFailed
from trialbed.core.tracing import UNTRACED, RunSpan
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.verdict import FIRST, Asking
from trialbed.engine.asking import JudgesOf, unwrapped
from trialbed.engine.calls import Calls
from trialbed.engine.judged import Judged, judged, verdicts_of
from trialbed.engine.recording import Ended, RunFacts, build_record
from trialbed.engine.student import AskedStudent
from trialbed.engine.telling import Telling
from trialbed.engine.trial_log import TrialLog, open_log
from trialbed.engine.turns import TurnJudging
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Witness


class JudgeMaker(Protocol):
    """Makes the judges of one trial for one asking; they ask through the same calls and log as the subject.

    `turn` is the reply they are asked about, where it is one.
    """

    def __call__(
        self, trial: Trial, log: TrialLog, calls: Calls, asking: Asking, turn: int | None = None
    ) -> Sequence[Judge]: ...


IN_DIALOGUE = "before the dialogue was over: "
"""How the reason of a `judge_error` begins that ended the dialogue: there is no whole transcript to judge later."""


@dataclass(frozen=True)
class Bench:
    """What every trial of a run works with.

    `why_stopped` says what a trial is that had to stop between calls; `witnesses` hear of turns before there is a
    record. `span` is that of the sitting, in which trials have theirs.
    """

    facts: RunFacts
    experiment: Experiment
    journal: Journal
    calls: Calls
    clock: Clock
    make_judges: JudgeMaker
    redact: Callable[[str], str]
    why_stopped: Callable[[], Outcome] = lambda: Outcome.CANCELLED
    witnesses: Sequence[Witness] = ()
    span: RunSpan = UNTRACED


async def run_trial(trial: Trial, bench: Bench, *, on_talked: Callable[[], None]) -> Outcome | None:
    """Talk, judge and record. Returns the outcome, or None if the run stopped first.

    `on_talked` is told when the dialogue is over.

    Raises:
        UserError: the journal cannot be written any more.
    """
    log = open_log(bench.journal, trial.trial_id, bench.span.trial(trial))
    started_at = iso_z(bench.clock.now())
    judges_of = partial(bench.make_judges, trial, log, bench.calls)
    telling = Telling(trial.trial_id, log, bench.witnesses)
    chat = Chat(
        system=bench.experiment.system(trial),
        send=_sender(trial, bench, log),
        judges=judges_of(FIRST),
        student=_student(trial, bench, log),
        on_reply=telling.replied,
        takes_cut=bench.experiment.takes_cut,
    )
    try:
        talk_and_judge = _with_turns if bench.experiment.judges_turns else _talk_and_judge
        outcome, reason, verdicts = await talk_and_judge(trial, chat, judges_of, bench, on_talked, telling, log)
        # Whoever's turn came with the end of the last call sends first: a record can wait, the service not.
        await asyncio.sleep(0)
    except Drained:
        log.stopped(bench.why_stopped())
        log.span.ended(bench.why_stopped())
        return None
    except anyio.get_cancelled_exc_class():
        log.stopped(Outcome.CANCELLED)
        raise
    before = bench.journal.state.recorded.get(trial.trial_id)
    ended = Ended(
        outcome=outcome,
        reason=None if reason is None else bench.redact(reason),
        transcript=chat.transcript,
        verdicts=verdicts,
        notes=chat.notes,
        calls=log.calls,
        repairs=chat.repairs,
        started_at=started_at,
        ended_at=iso_z(bench.clock.now()),
    )
    record = build_record(bench.facts, trial, ended, revision=0 if before is None else before.revision + 1)
    await log.recorded(record)
    log.span.ended(outcome, ended.reason)
    return outcome


def request_metadata(run: str, trial: Trial) -> Mapping[str, str]:
    """Sent with every call, so that a provider's own logs can be joined with the records."""
    return {"trialbed_run": run, "trialbed_trial": trial.trial_id}


def _sender(trial: Trial, bench: Bench, log: TrialLog) -> Send:
    metadata = request_metadata(bench.facts.run, trial)
    service = bench.experiment.service(trial, bench.facts.service)

    async def send(transcript: Transcript) -> ModelReply:
        request = ModelRequest(
            model=trial.subject,
            messages=transcript.messages,
            sampling=trial.sampling,
            system=transcript.system,
            metadata=metadata,
            service=service,
            is_timed=bench.experiment.is_timed,
        )
        return await bench.calls.ask(request, "subject", log)

    return send


def _student(trial: Trial, bench: Bench, log: TrialLog) -> Student | None:
    if trial.dialogue is None or trial.dialogue.student is None:
        return None
    return AskedStudent(
        model=trial.dialogue.student,
        sampling=trial.dialogue.sampling,
        calls=bench.calls,
        log=log,
        metadata=request_metadata(bench.facts.run, trial),
        service=bench.facts.service,
    )


async def _talk_and_judge(
    trial: Trial,
    chat: Chat,
    judges_of: JudgesOf,
    bench: Bench,
    on_talked: Callable[[], None],
    _: Telling,
    log: TrialLog,
) -> Judged:
    outcome, reason = await _talk(trial, chat, bench)
    on_talked()
    if outcome is Outcome.JUDGE_ERROR:
        return outcome, f"{IN_DIALOGUE}{reason}", ()
    if outcome is not Outcome.ANSWERED:
        return outcome, reason, ()
    share = bench.facts.plan.judge_repeat_share
    calls = log.calls
    return await judged(trial, chat.transcript, judges_of, bench.experiment, judging=0, share=share, calls=calls)


async def _with_turns(
    trial: Trial,
    chat: Chat,
    judges_of: JudgesOf,
    bench: Bench,
    on_talked: Callable[[], None],
    telling: Telling,
    _: TrialLog,
) -> Judged:
    """The same where every turn is judged while the dialogue goes on.

    Judgements under way when the dialogue ends, or has to stop, come to their end: they are paid for.
    """
    stopped: Drained | UserError | None = None
    async with anyio.create_task_group() as group:
        turns = TurnJudging(trial, bench.experiment, judges_of, FIRST, group, on_judged=telling.judged)
        telling.begin_judging = turns.begin
        try:
            outcome, reason = await _talk(trial, chat, bench)
        except (Drained, UserError) as error:
            stopped = error
        on_talked()
    if stopped is not None:
        raise stopped
    found = turns.all()
    if outcome is Outcome.JUDGE_ERROR:
        return outcome, f"{IN_DIALOGUE}{reason}", verdicts_of(found)
    if outcome is not Outcome.ANSWERED:
        return outcome, reason, verdicts_of(found)
    share = bench.facts.plan.judge_repeat_share
    return await judged(trial, chat.transcript, judges_of, bench.experiment, judging=0, share=share, turns=found)


async def _talk(trial: Trial, chat: Chat, bench: Bench) -> tuple[Outcome, str | None]:
    try:
        await bench.experiment.converse(trial, chat)
    except TurnEnded as ended:
        return ended.outcome, ended.reason
    except (GaveUp, ModelStopped, StudentFailed) as failure:
        return Outcome.PROVIDER_ERROR, str(failure)
    except JudgeFailed as failure:
        return Outcome.JUDGE_ERROR, str(failure)
    except (Drained, UserError):
        raise
    except Exception as error:  # an author's code met something it did not expect: one trial, not the batch
        return unwrapped(error, Outcome.PARSE_FAILED)
    if not chat.transcript.replies:
        return Outcome.PARSE_FAILED, "converse() ended without a reply; is there an 'await' before chat.ask?"
    return Outcome.ANSWERED, None
