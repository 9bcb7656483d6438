"""What is open while judges work on a stored run? Models, journal, account and log, for judging and for probing."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from trialbed.app import logs
from trialbed.app.calling import Calling, open_calling
from trialbed.app.checks import setting_problems, small_calls
from trialbed.app.journal import open_journal
from trialbed.app.models import Models, models_of
from trialbed.app.money import limit_notice, open_spending, price_problems, prices_of
from trialbed.app.parts import announcer, flush_patience_s
from trialbed.app.prepare import Prepared
from trialbed.app.screen import Screen
from trialbed.app.tracing import Tracing, TracingPlan, open_tracing, plan_tracing
from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.price import usd
from trialbed.core.redact import Redactor
from trialbed.engine.drain import Drain
from trialbed.engine.folder import RunFolder
from trialbed.engine.progress import Progress
from trialbed.engine.signals import Signals
from trialbed.engine.sitting import Sitting
from trialbed.engine.spending import Spending
from trialbed.settings import known_secrets
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink


@dataclass(frozen=True)
class Desk:
    """Everything open at once; closed when the work is over."""

    prepared: Prepared
    folder: RunFolder
    models: Models
    journal: Journal
    drain: Drain
    spending: Spending
    screen: Screen
    announce: Callable[[str], None]
    redact: Redactor
    traced: TracingPlan

    def tracing(self, work: str, **facts: str | int) -> Tracing:
        """The trace of this sitting; `work` is what it does."""
        plan = self.prepared.plan
        whole = {"work": work, "run": self.folder.name, "experiment": plan.experiment, **facts}
        return open_tracing(self.traced, self.redact, self.announce, whole)

    def check_limit(self) -> None:
        """Raises:
        UserError: the run has used up its spending limit already, or all but what the first small calls may take.
        """
        limit_usd = self.spending.limit_usd
        first_usd = sum(self.spending.most_usd(request) for request in small_calls(self.prepared))
        counted_usd = self.spending.counted_usd
        if limit_usd is not None and (counted_usd >= limit_usd or counted_usd + first_usd > limit_usd):
            raise UserError(
                f"MAX_COST_USD: {usd(self.spending.counted_usd)} of {usd(limit_usd)} is spent by this run and its "
                "judging so far: raise it, and the same command goes on"
            )

    def calling(self, progress: Progress, trials: int) -> Calling:
        return open_calling(
            self.prepared,
            self.models,
            self.journal,
            self.drain,
            self.spending,
            progress,
            trials=trials,
            announce=self.announce,
            redact=self.redact,
        )

    def sitting(self, calling: Calling, progress: Progress, sinks: Sequence[Sink] = ()) -> Sitting:
        settings = self.prepared.settings
        return Sitting(
            journal=self.journal,
            sinks=sinks,
            drain=self.drain,
            governor=calling.governor,
            signals=Signals(drain=self.drain, announce=self.announce, last_words=self.journal.flush_now),
            progress=progress,
            clock=SystemClock(),
            max_concurrency=settings.max_concurrency,
            flush_patience_s=flush_patience_s(settings),
            announce=self.announce,
            display=lambda: self.screen.display(progress, lambda: calling.governor.in_flight),
        )


@asynccontextmanager
async def open_desk(prepared: Prepared, folder: RunFolder, screen: Screen) -> AsyncIterator[Desk]:
    """Open what the judges of `prepared` need to work on a stored run.

    Raises:
        UserError: a setting is wrong, another process is writing the run, or there is none.
    """
    settings = prepared.settings
    if not folder.journal.exists():
        raise UserError(f"{folder.name}: has no journal, so nothing that could be judged; is this a run?")
    if problems := [*setting_problems(prepared), *price_problems(prepared)]:
        raise UserError("\n".join(problems))
    traced = plan_tracing(settings, os.environ)
    redact = Redactor(known_secrets(os.environ))
    announce = announcer(screen, redact)
    async with models_of(prepared) as models:
        prices = prices_of(prepared, models)
        handler = logs.open_log(folder.path / "run.log", settings.log_level, redact)
        try:
            if notice := limit_notice(prepared, prices):
                announce(notice)
            drain = Drain(clock=SystemClock(), grace_s=settings.grace_s)
            with open_journal(
                folder, patience_s=settings.grace_s, announce=announce, on_trouble=lambda: drain.begin("disk")
            ) as journal:
                spending = open_spending(prepared, prices, journal, drain)
                yield Desk(prepared, folder, models, journal, drain, spending, screen, announce, redact, traced)
        finally:
            logs.close_log(handler)


def exit_code_of(sitting: Sitting, *, is_all_well: bool) -> int:
    """0 all well, 1 something failed or is owed, 2 the user can go on with it, 130/143 a signal."""
    if sitting.signals.exit_code is not None:
        return sitting.signals.exit_code
    if sitting.drain.is_begun:
        return 2
    return 0 if is_all_well else 1
