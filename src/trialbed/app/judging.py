"""The judging of a stored run: check, begin or go on, judge, sum up.

Where the run itself asked no judge, the first judging takes its place: it has the number 0, asks in the very words in
which the run would have asked, and leaves the records that the run would have left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.analysis.judges_tally import JudgeTally, tally_of
from trialbed.analysis.summary import Summary
from trialbed.app.artifact_ids import nonce_of
from trialbed.app.calling import judge_maker
from trialbed.app.collector import seldom_collected
from trialbed.app.desk import Desk, exit_code_of, open_desk
from trialbed.app.instruments import self_judged, self_judging_notice
from trialbed.app.job import check_far_side, summary_of
from trialbed.app.judging_lock import judges_deviation
from trialbed.app.money import BUDGET, preflight_paid, used_up
from trialbed.app.parts import open_sinks
from trialbed.app.places import check_places
from trialbed.app.prepare import Prepared
from trialbed.app.prepare_judging import JudgingWanted, PreparedJudging, prepare_judging
from trialbed.app.screen import Screen
from trialbed.app.tracing import ending_facts
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.errors import UserError
from trialbed.core.tracing import RunSpan
from trialbed.engine.folder import RunFolder
from trialbed.engine.judging import Judging, ToJudge, carry_out_judging, how_it_stands, number_of, to_judge
from trialbed.engine.progress import Progress
from trialbed.sinks.journal.state import JournalState, read_records

_MOST_REASONS = 5


@dataclass(frozen=True)
class JudgingFinished:
    """How a sitting at a judging ended. `left` counts transcripts without a verdict of it, failed ones included."""

    folder: RunFolder
    number: int
    summary: Summary
    judged: int
    failed: int
    reasons: Mapping[str, int]
    left: int
    judges: tuple[JudgeTally, ...]
    owed: Mapping[str, int]
    exit_code: int
    cost: str

    @property
    def resume(self) -> bool:
        """Whether the same command goes on with this judging."""
        return self.left > 0


async def judge_run(root: Path, folder: RunFolder, wanted: JudgingWanted, screen: Screen) -> JudgingFinished:
    """Judge the stored transcripts of a run, or go on with that. No subject is asked.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    return await judge_prepared(prepare_judging(root, folder, wanted), folder, screen, fresh=wanted.fresh)


async def judge_prepared(
    ready: PreparedJudging, folder: RunFolder, screen: Screen, *, fresh: bool, goes_on: bool = False
) -> JudgingFinished:
    """The same, prepared already. With `goes_on`, judges that have judged this run before, last or in the run itself,
    judge only what they have not; without it they judge everything anew.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    _refuse_rehearsed_judges(ready.prepared)
    notes = await check_places(ready.prepared)
    async with open_desk(ready.prepared, folder, screen) as desk:
        state = desk.journal.state
        number = number_for(ready, state, fresh=fresh, goes_on=goes_on)
        trials = to_judge(desk.journal, number)
        _announce(desk, ready, number, trials)
        for note in notes:
            desk.announce(note)
        desk.check_limit()
        checks = await check_far_side(ready.prepared, desk.models, desk.announce)
        tracing = desk.tracing("judging", judging=number, planned=len(trials.left))
        judging = _built(desk, ready, number, trials, tracing.span)
        preflight_paid(desk.spending, desk.journal, checks)
        desk.journal.post("judging_start", None, n=number, **ready.facts, **_start_facts(desk))
        if judging.deviations[len(state.deviations) :]:
            desk.journal.post("deviation", None, **judging.deviations[-1])
        try:
            with seldom_collected():
                await carry_out_judging(judging)
        finally:
            is_cut = judging.sitting.signals.exit_code is not None
            await tracing.end(ending_facts(how_it_stands(judging)), is_cut=is_cut)
        if desk.drain.why == BUDGET:
            left = len(trials.left) - judging.tally.judged
            desk.announce(used_up(desk.spending, left, len(trials.left) + trials.done))
        return _finished(desk, judging)


def number_for(ready: PreparedJudging, state: JournalState, *, fresh: bool = False, goes_on: bool = False) -> int:
    """The number of the judging that this is, see `judge_prepared`; 0 where it takes the place of the run's own."""
    own = ready.stored.plan.judges
    asked_none = not own and ready.prepared.found.experiment.needs_judge
    is_the_same = [str(judge) for judge in own] == ready.facts["judges"]
    first = 0 if asked_none or (goes_on and not fresh and is_the_same) else 1
    return number_of(state.judgings, ready.facts, fresh=fresh, first=first, goes_on=goes_on)


def _refuse_rehearsed_judges(prepared: Prepared) -> None:
    """Raises:
    UserError: real answers would get rehearsed verdicts.
    """
    plan = prepared.plan
    is_real = any(subject.provider != "rehearsal" for subject in plan.subjects)
    if is_real and any(judge.provider == "rehearsal" for judge in plan.judges):
        raise UserError("--judges: real answers must not get rehearsed verdicts; name a real model")


def _announce(desk: Desk, ready: PreparedJudging, number: int, trials: ToJudge) -> None:
    """What is about to be judged, and by whom.

    Raises:
        UserError: there is nothing.
    """
    if not trials.left and not trials.done:
        raise UserError(f"{desk.folder.name}: no trial has an answer that could be judged; go on with 'trialbed run'")
    plan = ready.prepared.plan
    judges = ", ".join(map(str, plan.judges)) or "the experiment's own rules"
    desk.announce(f"JUDGING {number} of {desk.folder.name}: {len(trials.left)} transcripts, by {judges}")
    if trials.done:
        desk.announce(f"{trials.done} transcripts have a verdict of this judging already and are left alone")
    if trials.cut_short:
        desk.announce(f"{trials.cut_short} dialogues were cut short by their judge: 'trialbed run' goes on with them")
    if ready.stored.is_changed or not ready.stored.has_made(desk.journal.state.recorded):
        desk.announce(
            f"{plan.experiment} {plan.version} has changed since this run (it is "
            f"{ready.prepared.found.experiment.version} now): stored transcripts are judged by what it asks today"
        )
    for judge in self_judged(plan.subjects, plan.judges, desk.models.behind):
        desk.announce(self_judging_notice(judge))


def _built(desk: Desk, ready: PreparedJudging, number: int, trials: ToJudge, span: RunSpan) -> Judging:
    prepared = ready.prepared
    plan, service = prepared.plan, prepared.settings.service
    planned: dict[str, int] = {}
    for variant in trials.left.values():
        planned[variant] = planned.get(variant, 0) + 1
    progress = Progress(planned=planned)
    calling = desk.calling(progress, len(trials.left))
    state = desk.journal.state
    starts = state.run_starts
    deviation = judges_deviation(prepared.root, plan.experiment, plan.judges, state)
    provenance = starts[-1]["provenance"] if starts else {}
    nonce = nonce_of(desk.folder, state)
    sinks = open_sinks(prepared, desk.folder, desk.journal, provenance, desk.announce, nonce=nonce)
    return Judging(
        sitting=desk.sitting(calling, progress, sinks),
        number=number,
        stored=ready.stored,
        experiment=prepared.found.experiment,
        calls=calling.calls,
        judges=plan.judges,
        make_judges=judge_maker(plan.judges, plan.judge_sampling, desk.folder.name, service),
        share=plan.judge_repeat_share,
        to_judge=trials,
        deviations=(*state.deviations, *([] if deviation is None else [deviation])),
        redact=desk.redact,
        span=span,
    )


def _start_facts(desk: Desk) -> dict[str, Any]:
    plan = desk.prepared.plan
    return {
        "self_judged": self_judged(plan.subjects, plan.judges, desk.models.behind),
        "max_cost_usd": desk.prepared.max_cost_usd,
        "at": iso_z(SystemClock().now()),
    }


def _finished(desk: Desk, judging: Judging) -> JudgingFinished:
    trials, tally, state = judging.to_judge, judging.tally, desk.journal.state
    left = len(trials.left) - tally.judged
    owed = {sink.name: sink.owed for sink in judging.sitting.sinks}
    return JudgingFinished(
        folder=desk.folder,
        number=judging.number,
        summary=summary_of(desk.folder, state, desk.prepared),
        judged=trials.done + tally.judged,
        failed=tally.failed,
        reasons=dict(tally.reasons.most_common(_MOST_REASONS)),
        left=left,
        judges=tally_of(
            read_records(desk.folder.journal, state),
            [str(judge) for judge in judging.judges],
            judging=judging.number,
            failed=tally.failed,
        ),
        owed=owed,
        exit_code=exit_code_of(judging.sitting, is_all_well=not left and not any(owed.values())),
        cost=desk.spending.as_text(),
    )
