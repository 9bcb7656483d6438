"""How well does each judge know the golden cases, and does it fall for what stands in the material? Writes no record.

One event of kind `probe` for every answer, all of one probing with the same `at`:

    golden     one for each field that is beyond dispute: `target` is the right value, `hit_target` whether it was given
    injection  `clean` is the judge's own value without the injection, `target` the wrong one demanded (null where what
               is demanded is no possible answer), `is_flipped` whether the value is another than `clean`
    control    the same with neutral words of about the same length in the place of the injection

Without a valid answer `answer` is null, `complaint` says why, and nothing is flipped or hit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from trialbed.core.canonical import digest, seed_from
from trialbed.core.errors import Drained
from trialbed.core.experiment import Experiment, Scenario, Variant
from trialbed.core.golden import GoldenCase
from trialbed.core.judge import Judge
from trialbed.core.model import ModelName, ModelReply, ModelRequest, Sampling
from trialbed.core.outcome import Outcome
from trialbed.core.tracing import UNTRACED, RunSpan
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.verdict import Asking, Verdict
from trialbed.engine.calls import Calls
from trialbed.engine.judged import judged
from trialbed.engine.sitting import Sitting, sit
from trialbed.engine.trial_log import TrialLog
from trialbed.engine.trial_run import JudgeMaker
from trialbed.judging.probes import Attack, attacks, options_of
from trialbed.judging.structured import StructuredJudge

QUESTIONS = "questions"
"""What a display counts, in the place of the variants of a run."""

_MOST_COMPLAINT_CHARS = 500
_NOT_ATTACKED = "no field of the verdict is a choice that could be attacked"


@dataclass(frozen=True)
class Probing:
    """The parts of one probing, built by the application. `makers` has, by judge, how it is made for one question.

    `attacked` is the field of the verdict that injections are after. `rows` fill up with the bodies of `probe` events.
    """

    sitting: Sitting
    experiment: Experiment
    calls: Calls
    makers: Mapping[ModelName, JudgeMaker]
    cases: Sequence[GoldenCase]
    scenarios: Mapping[str, Scenario]
    variant: Variant
    attacked: str | None
    at: str
    redact: Callable[[str], str]
    span: RunSpan = UNTRACED
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Heard:
    """What a judge said of one transcript: a verdict, or why there is none; and the forms it was asked to fill in."""

    trial_id: str
    verdict: Verdict | None
    complaint: str | None
    forms: Sequence[Mapping[str, Any]]

    def value(self, name: str) -> Any:
        found: Any = None if self.verdict is None else self.verdict.values
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


async def carry_out_probing(probing: Probing) -> None:
    """Put every question of the golden, the injection and the control set to every judge.

    Raises:
        ExceptionGroup: of UserError, when the journal cannot be written any more.
    """

    async def work() -> None:
        async with anyio.create_task_group() as group:
            for judge in probing.makers:
                group.start_soon(_probe, probing, judge, name=f"probe {judge}")

    await sit(probing.sitting, work)


async def _probe(probing: Probing, judge: ModelName) -> None:
    clean: dict[str, _Heard] = {}

    async def golden(case: GoldenCase) -> None:
        heard = await _hear(probing, judge, case, "golden", "", case.transcript)
        if heard is not None:
            clean[case.id] = heard
            for name, right in case.expected.items():
                _note_golden(probing, judge, case, heard, name, right)

    async with anyio.create_task_group() as group:
        for case in probing.cases:
            group.start_soon(golden, case)
    options = _options(probing, clean)
    if probing.attacked is None or not options:
        probing.sitting.announce(f"{judge}: {_NOT_ATTACKED}; only the golden cases are put to it")
        return
    own = {name: value for name, heard in clean.items() if (value := heard.value(probing.attacked)) is not None}

    async def attack(one: Attack) -> None:
        heard = await _hear(probing, judge, one.case, one.set, one.injection, one.transcript)
        if heard is not None:
            _note_attack(probing, judge, one, heard, clean[one.case.id])

    async with anyio.create_task_group() as group:
        for one in attacks(probing.cases, field=probing.attacked, options=options, clean=own):
            group.start_soon(attack, one)


def _options(probing: Probing, clean: Mapping[str, _Heard]) -> tuple[Any, ...]:
    """The values that the forms of the golden cases allow for the field that is attacked."""
    forms = [form for heard in clean.values() for form in heard.forms]
    return next((found for form in forms if (found := options_of(form, probing.attacked or ""))), ())


async def _hear(
    probing: Probing, judge: ModelName, case: GoldenCase, which: str, injection: str, transcript: Transcript
) -> _Heard | None:
    """The judge's answer; None if the run is stopping. Never one of an earlier probing: what it says now counts."""
    if probing.sitting.drain.is_begun:
        return None
    trial = _trial(probing, judge, case, which, injection)
    log = TrialLog(probing.sitting.journal, trial.trial_id, replay={}, span=probing.span.trial(trial))
    forms: list[Mapping[str, Any]] = []

    def see(request: ModelRequest) -> None:
        if request.form is not None:
            forms.append(request.form.schema)

    def judges_of(asking: Asking, turn: int | None = None) -> Sequence[Judge]:
        return [_watched(one, see) for one in probing.makers[judge](trial, log, probing.calls, asking, turn)]

    try:
        outcome, reason, verdicts = await judged(trial, transcript, judges_of, probing.experiment, judging=0, share=0.0)
    except Drained:
        return None
    log.span.ended(outcome, None if reason is None else probing.redact(reason))
    probing.sitting.progress.ended(QUESTIONS, outcome)
    verdict = next((one for one in verdicts if one.judge is not None), None)
    if outcome is Outcome.ANSWERED and verdict is not None:
        return _Heard(trial.trial_id, verdict, None, forms)
    complaint = probing.redact(reason or "the experiment gave no verdict of this judge")[:_MOST_COMPLAINT_CHARS]
    return _Heard(trial.trial_id, None, complaint, forms)


def _watched(judge: Judge, see: Callable[[ModelRequest], None]) -> Judge:
    """The same judge, each of whose requests is shown to `see` before it is sent."""
    assert isinstance(judge, StructuredJudge)
    send = judge.send

    async def seen(request: ModelRequest) -> ModelReply:
        see(request)
        return await send(request)

    return replace(judge, send=seen)


def _trial(probing: Probing, judge: ModelName, case: GoldenCase, which: str, injection: str) -> Trial:
    """No trial of the plan, but one as far as a judge can see. Of one case all have the same order of options, so that
    nothing but the words appended makes a difference."""
    identity = digest(["probe", probing.experiment.name, str(judge), case.id, which, injection])
    return Trial(
        trial_id=identity,
        block_id=identity,
        scenario=probing.scenarios[case.scenario],
        variant=probing.variant,
        subject=judge,
        sampling=Sampling(),
        repeat=0,
        index=0,
        seed=seed_from(["probe", probing.experiment.name, case.id]),
    )


def _note_golden(probing: Probing, judge: ModelName, case: GoldenCase, heard: _Heard, name: str, right: Any) -> None:
    answer = heard.value(name)
    _note(
        probing,
        judge,
        heard,
        heard.verdict,
        set="golden",
        case=case.id,
        injection=None,
        kind=None,
        field=name,
        clean=answer,
        answer=answer,
        target=right,
        is_flipped=False,
        hit_target=heard.verdict is not None and answer == right,
    )


def _note_attack(probing: Probing, judge: ModelName, one: Attack, heard: _Heard, clean: _Heard) -> None:
    assert probing.attacked is not None
    own, answer = clean.value(probing.attacked), heard.value(probing.attacked)
    _note(
        probing,
        judge,
        heard,
        # The same case, so the same rubric, whether or not an answer to it came this time.
        clean.verdict,
        set=one.set,
        case=one.case.id,
        injection=one.injection,
        kind=one.kind,
        field=probing.attacked,
        clean=own,
        answer=answer,
        target=one.target,
        is_flipped=answer is not None and answer != own,
        hit_target=answer is not None and one.target is not None and answer == one.target,
    )


def _note(probing: Probing, judge: ModelName, heard: _Heard, rubric: Verdict | None, **members: Any) -> None:
    """Put one row into the journal, and keep it for the summary."""
    row = {
        **members,
        "judge": str(judge),
        "complaint": heard.complaint,
        "prompt_hash": None if rubric is None else rubric.prompt_hash,
        "rubric_version": None if rubric is None else rubric.rubric_version,
        "at": probing.at,
    }
    probing.sitting.journal.post("probe", heard.trial_id, **row)
    probing.rows.append(row)
