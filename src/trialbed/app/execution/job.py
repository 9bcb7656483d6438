"""One run after another, each to its end, under one spending limit."""

from dataclasses import dataclass, replace

from trialbed.app.execution.book import ResultsBook
from trialbed.app.execution.parts import Part, Parts
from trialbed.app.execution.wanted import ExecutionWanted
from trialbed.app.job import SOME_FAILED, Finished, do_job
from trialbed.app.screen import Screen
from trialbed.app.tracing import GalileoWanted
from trialbed.core.errors import UserError
from trialbed.core.price import usd
from trialbed.engine.folder import RunFolder, find_resumable
from trialbed.sinks.journal.state import read_state


@dataclass(frozen=True)
class ExecutionFinished:
    """`finished` are the parts that were taken up, in order; fewer than all if the command was stopped."""

    finished: tuple[Finished, ...]
    exit_code: int


async def do_execution(parts: Parts, book: ResultsBook, screen: Screen) -> ExecutionFinished:
    """Run every part, or go on with it; a part that is finished is left alone unless a fresh one is wanted.

    A part of which some trials failed does not keep the others from being run; one that was stopped does.

    Raises:
        UserError: something the user can fix; nothing is lost.
    """
    finished: list[Finished] = []
    folders: dict[int, RunFolder] = {} if parts.wanted.fresh else _known(parts)
    for place, part in enumerate(parts.parts):
        elsewhere_usd = sum(_spent_usd(folder) for other, folder in folders.items() if other != place)
        one = await do_job(
            replace(part.prepared, max_cost_usd=_left_usd(parts, elsewhere_usd)),
            screen,
            fresh=parts.wanted.fresh,
            galileo=_galileo(parts.wanted),
            more_sinks=book.sinks(place),
        )
        finished.append(one)
        folders[place] = one.folder
        book.ended(place, one.folder)
        if one.exit_code > SOME_FAILED:
            break
    return ExecutionFinished(tuple(finished), max(one.exit_code for one in finished))


def _galileo(wanted: ExecutionWanted) -> GalileoWanted | None:
    return GalileoWanted(wanted.galileo_project, wanted.galileo_log_stream) if wanted.enable_galileo else None


def _known(parts: Parts) -> dict[int, RunFolder]:
    """The runs that earlier sittings of this command have begun."""
    found = {}
    for place, part in enumerate(parts.parts):
        chosen = _chosen(part)
        if chosen is not None:
            found[place] = chosen
    return found


def _chosen(part: Part) -> RunFolder | None:
    chosen = find_resumable(part.prepared.settings.local_backup_dir, part.prepared.plan)
    return None if chosen is None else chosen.folder


def _spent_usd(folder: RunFolder) -> float:
    if not folder.journal.exists():
        return 0.0
    costs = read_state(folder.journal).costs
    return costs.spent_usd + costs.presumed_usd + costs.unheard_usd


def _left_usd(parts: Parts, elsewhere_usd: float) -> float | None:
    """The limit of the command less what its other runs have cost.

    Raises:
        UserError: nothing is left.
    """
    if parts.limit_usd is None:
        return None
    left_usd = parts.limit_usd - elsewhere_usd
    if left_usd <= 0:
        raise UserError(
            f"MAX_COST_USD: {usd(elsewhere_usd)} of {usd(parts.limit_usd)} is spent by this command's runs so far: "
            "raise it, and the same command goes on"
        )
    return left_usd
