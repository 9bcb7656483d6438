"""The probing of a run's judges: golden cases, injections and controls are put to them; no record is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.app.calling import judge_maker
from trialbed.app.checks import check_models, refusing
from trialbed.app.desk import Desk, exit_code_of, open_desk
from trialbed.app.money import BUDGET, preflight_paid
from trialbed.app.prepare import Prepared
from trialbed.app.prepare_judging import JudgingWanted, prepare_judging
from trialbed.app.screen import Screen
from trialbed.core.clock import SystemClock, iso_z
from trialbed.core.errors import UserError
from trialbed.core.experiment import Scenario
from trialbed.core.tracing import RunSpan
from trialbed.engine.folder import RunFolder
from trialbed.engine.probing import QUESTIONS, Probing, carry_out_probing
from trialbed.engine.progress import Progress
from trialbed.judging.injections import INJECTIONS


@dataclass(frozen=True)
class ProbingFinished:
    """What the judges answered: the bodies of all `probe` events."""

    rows: tuple[Mapping[str, Any], ...]
    exit_code: int
    is_cut: bool
    cost: str


async def probe_judges(root: Path, folder: RunFolder, wanted: JudgingWanted, screen: Screen) -> ProbingFinished:
    """Probe the judges of a run, or those named.

    Raises:
        UserError: something the user can fix.
    """
    prepared = prepare_judging(root, folder, wanted).prepared
    scenarios = _scenarios_of_golden(prepared)
    async with open_desk(prepared, folder, screen) as desk:
        desk.check_limit()
        checks = await check_models(desk.models.by_name, prepared)
        if problems := refusing(checks):
            raise UserError("\n".join(problems))
        tracing = desk.tracing("probing")
        probing = _built(desk, scenarios, tracing.span)
        preflight_paid(desk.spending, desk.journal, checks)
        try:
            await carry_out_probing(probing)
        finally:
            why = desk.drain.why or "finished"
            await tracing.end({"why": why}, is_cut=probing.sitting.signals.exit_code is not None)
        is_cut = desk.drain.is_begun
        if desk.drain.why == BUDGET:
            desk.announce(f"MAX_COST_USD: {desk.spending.as_text()} is spent; the probe ends here: raise it")
        code = exit_code_of(probing.sitting, is_all_well=not is_cut)
        return ProbingFinished(tuple(probing.rows), code, is_cut, desk.spending.as_text())


def _scenarios_of_golden(prepared: Prepared) -> dict[str, Scenario]:
    """Today's scenarios: golden cases are the experiment's, not the run's.

    Raises:
        UserError: there is no golden case, one is of no scenario, or there is no judge.
    """
    experiment, scenarios = prepared.found.experiment, {one.id: one for one in prepared.found.scenarios}
    cases = experiment.golden()
    if not cases:
        raise UserError(
            f"{experiment.name}: has no golden cases, so there is nothing to probe a judge with; write golden()"
        )
    if unknown := sorted({case.scenario for case in cases} - scenarios.keys()):
        raise UserError(f"{experiment.name}: golden() names no scenario of the experiment: {', '.join(unknown)}")
    if not prepared.plan.judges:
        raise UserError("--judges: the run had no judge; name one, csv of provider:model")
    return scenarios


def _built(desk: Desk, scenarios: Mapping[str, Scenario], span: RunSpan) -> Probing:
    prepared = desk.prepared
    plan, experiment = prepared.plan, prepared.found.experiment
    service = prepared.settings.service
    questions = len(plan.judges) * (len(experiment.golden()) + 2 * len(INJECTIONS))
    progress = Progress(planned={QUESTIONS: questions})
    calling = desk.calling(progress, questions)
    return Probing(
        sitting=desk.sitting(calling, progress),
        experiment=experiment,
        calls=calling.calls,
        makers={judge: judge_maker((judge,), plan.judge_sampling, desk.folder.name, service) for judge in plan.judges},
        cases=experiment.golden(),
        scenarios=scenarios,
        variant=plan.variants[0],
        attacked=experiment.headline,
        at=iso_z(SystemClock().now()),
        redact=desk.redact,
        span=span,
    )
