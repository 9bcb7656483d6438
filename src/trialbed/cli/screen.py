"""What does the person at the terminal see while a run goes on? Everything here goes to stderr."""

import sys
from collections.abc import Callable
from datetime import timedelta

import anyio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trialbed.app.prepare import Prepared
from trialbed.app.screen import Screen
from trialbed.core.clock import Clock, SystemClock
from trialbed.core.plan import Plan
from trialbed.core.text import for_terminal
from trialbed.engine.folder import RunFolder
from trialbed.engine.progress import Progress

_RULE = "=" * 60
_REDRAW_S = 0.5
_LOG_LINE_S = 10.0


def who_plays(plan: Plan) -> str:
    """The models of a plan, by the part each has."""
    said = f"subjects: {', '.join(map(str, plan.subjects))}; judges: {', '.join(map(str, plan.judges)) or 'none'}"
    if plan.dialogue is None:
        return said
    student = plan.dialogue.as_dict()["student"]
    return f"{said}; student: {student}, at most {plan.dialogue.turns} turns"


class _Stderr(Console):
    """A console whose reader may go away: an overnight run does not end because a pipe did."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class TerminalScreen(Screen):
    """Live progress on a terminal, a plain line every ten seconds anywhere else."""

    def __init__(self, clock: Clock | None = None) -> None:
        # Styles are off for text that is not ours: a model's [/x] must not be taken for markup.
        self._console = _Stderr(file=sys.stderr, highlight=False, markup=False, soft_wrap=True)
        self._clock = clock or SystemClock()

    def announce(self, line: str) -> None:
        self._say(line)

    def began(self, folder: RunFolder, prepared: Prepared, *, resumed: bool) -> None:
        plan = prepared.plan
        if prepared.why_rehearsal is not None:
            self._say(f"REHEARSAL: {prepared.why_rehearsal}; nothing is paid and nothing is uploaded.")
        elif prepared.is_rehearsal:
            self._say("REHEARSAL: a rehearsed model is named; nothing is uploaded.")
        elif prepared.settings.hf_repo_id is None:
            self._say("HF_TOKEN and HF_REPO_ID are not set: no upload, records stay here.")
        for note in prepared.found.notes:
            self._say(note)
        for line in [] if prepared.lock is None else prepared.lock.lines():
            self._say(line)
        per_variant = plan.per_variant()
        variants = ", ".join(per_variant)
        self._say(_RULE)
        self._say(
            f"{'BATCH EXPERIMENT' if plan.size > 1 else 'SINGLE EXPERIMENT'} MODE: {plan.experiment} {plan.version}"
        )
        self._say(f"Testing {len(per_variant)} variants: {variants}")
        who = who_plays(plan)
        self._say(who[0].upper() + who[1:])
        self._say(f"Runs per variant: {', '.join(map(str, sorted(set(per_variant.values()))))}")
        self._say(f"Total runs: {plan.size}")
        self._say(f"{'Resuming' if resumed else 'Run'}: {folder.path}")
        self._say(_RULE)

    async def display(self, progress: Progress, in_flight: Callable[[], int]) -> None:
        started = self._clock.monotonic()
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(self._table(progress, in_flight(), started), refresh=True)
                    await anyio.sleep(_REDRAW_S)
        said = -1
        while True:
            await anyio.sleep(_LOG_LINE_S)
            if progress.ended_total != said or in_flight():
                said = progress.ended_total
                self._say(self._line(progress, in_flight(), started))

    def _say(self, line: str) -> None:
        self._console.print(f"[SYSTEM]: {for_terminal(line)}")

    def _line(self, progress: Progress, in_flight: int, started: float) -> str:
        planned = sum(progress.planned.values())
        ended = (
            f"{progress.done.total()} answered, {progress.failed.total()} failed, {progress.unjudged.total()} unjudged"
        )
        tokens = f"{progress.input_tokens} + {progress.output_tokens} tokens"
        cost = "" if progress.spending is None else f"{progress.spending.as_text()}, "
        return (
            f"{progress.ended_total}/{planned} done: {ended}; {in_flight} calls in flight, "
            f"{progress.retries} retries, {tokens}, {cost}{self._eta(progress, started)}"
        )

    def _table(self, progress: Progress, in_flight: int, started: float) -> Table:
        table = Table(caption=Text(self._line(progress, in_flight, started)), caption_justify="left")
        for heading in ("variant", "planned", "answered", "failed", "unjudged"):
            table.add_column(heading, justify="left" if heading == "variant" else "right")
        for variant, planned in progress.planned.items():
            table.add_row(
                Text(variant),
                str(planned),
                str(progress.done[variant]),
                str(progress.failed[variant]),
                str(progress.unjudged[variant]),
            )
        return table

    def _eta(self, progress: Progress, started: float) -> str:
        left = sum(progress.planned.values()) - progress.ended_total
        spent_s = self._clock.monotonic() - started
        if not progress.done_now or spent_s <= 0:
            return "time left unknown"
        return f"about {timedelta(seconds=round(left * spent_s / progress.done_now))} left"
