"""How does a sitting come to its calls? One way to all models, for a run and for whoever judges what it left."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from trialbed.app.known import known_of
from trialbed.app.models import Models
from trialbed.app.prepare import Prepared
from trialbed.core.clock import SystemClock
from trialbed.core.model import ModelName, Sampling, Service
from trialbed.core.pace.lane import Pace, Quota
from trialbed.core.trial import Trial
from trialbed.core.verdict import Asking
from trialbed.engine.attempts import RetryBudget
from trialbed.engine.calls import Calls
from trialbed.engine.drain import Drain
from trialbed.engine.gate import Gate
from trialbed.engine.governor import Governor
from trialbed.engine.progress import Progress
from trialbed.engine.sitting import pace_event
from trialbed.engine.spending import Spending
from trialbed.engine.trial_log import TrialLog
from trialbed.engine.trial_run import JudgeMaker, request_metadata
from trialbed.judging.structured import StructuredJudge
from trialbed.sinks.journal.writer import Journal

_LEAST_RETRIES, _RETRIES_PER_TRIAL = 100, 2


@dataclass(frozen=True)
class Calling:
    """The way to all models, and those parts of it that others look at."""

    calls: Calls
    governor: Governor
    gate: Gate


def open_calling(
    prepared: Prepared,
    models: Models,
    journal: Journal,
    drain: Drain,
    spending: Spending,
    progress: Progress,
    *,
    trials: int,
    announce: Callable[[str], None],
    redact: Callable[[str], str],
    patience_s: float | None = None,
) -> Calling:
    """Every call of a sitting goes through this. Retries are bounded by `trials`, how many are to be worked on.

    `patience_s` bounds every call with all its waiting (see `engine.calls.Calls`), for a sitting that measures what is
    now; such a one does not tell of models that are stopped, since each of its trials does.
    """
    settings = prepared.settings
    progress.spending = spending
    governor = _governor(prepared, models, journal)
    gate = _gate(models, journal, drain, announce, tells_of_stops=patience_s is None)
    calls = Calls(
        models=models.by_name,
        governor=governor,
        spending=spending,
        retries=RetryBudget(
            per_call=settings.call_attempts,
            per_run=_retries(settings.run_retries, trials, patience_s),
            retries_per_call=prepared.per_call.retries,
        ),
        gate=gate,
        drain=drain,
        progress=progress,
        clock=SystemClock(),
        random=Random(),
        deadline_s=settings.call_deadline_s,
        redact=redact,
        patience_s=patience_s,
        attempt_s=prepared.per_call.attempt_s,
    )
    return Calling(calls, governor, gate)


def judge_maker(judges: Sequence[ModelName], sampling: Sampling, run: str, service: Service) -> JudgeMaker:
    """How the judges of one trial are made."""

    def make(
        trial: Trial, log: TrialLog, calls: Calls, asking: Asking, turn: int | None = None
    ) -> list[StructuredJudge]:
        return [
            StructuredJudge(
                name=str(model),
                model=model,
                sampling=sampling,
                trial_id=trial.trial_id,
                seed=trial.seed,
                send=lambda request: calls.ask(request, "judge", log),
                on_verdict=log.verdict,
                metadata=request_metadata(run, trial),
                service=service,
                asking=asking,
                turn=turn,
            )
            for model in judges
        ]

    return make


def _governor(prepared: Prepared, models: Models, journal: Journal) -> Governor:
    settings = prepared.settings

    def quota(model: ModelName) -> Quota:
        burndown = known_of(model, models.behind.get(model)).burndown
        return Quota(settings.quota_rpm, settings.quota_tpm, burndown)

    def tell(model: ModelName, pace: Pace) -> None:
        journal.post("governor", None, **pace_event(model, pace, "pace"))

    return Governor(
        ceiling=settings.max_concurrency,
        quotas={model: quota(model) for model in prepared.models},
        clock=SystemClock(),
        on_pace=tell,
        ceilings=prepared.ceilings,
    )


def _retries(asked: int | None, trials: int, patience_s: float | None) -> int:
    if patience_s is not None:
        # One that goes on for weeks would use any number up; each of its calls is bounded.
        return sys.maxsize
    return max(_LEAST_RETRIES, _RETRIES_PER_TRIAL * trials) if asked is None else asked


def _gate(
    models: Models, journal: Journal, drain: Drain, announce: Callable[[str], None], *, tells_of_stops: bool
) -> Gate:
    return Gate(
        drain=drain,
        refresh=models.refresh,
        announce=announce,
        on_stop=lambda model, why: journal.post("model_stopped", None, model=str(model), why=why),
        tells_of_stops=tells_of_stops,
    )
