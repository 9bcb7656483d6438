"""One run after another, each to its end, under one spending limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trialbed.app.execution.book import ResultsBook
from trialbed.app.execution.parts import Parts
from trialbed.app.execution.wanted import ExecutionWanted
from trialbed.app.job import SOME_FAILED, Finished, do_job
from trialbed.app.screen import Screen
from trialbed.app.tracing import GalileoWanted
from trialbed.core.errors import UserError
from trialbed.core.price import usd
from trialbed.engine.folder import Chosen, RunFolder, find_resumable
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
    known = {} if parts.wanted.fresh else _known(parts)
    folders = {place: chosen.folder for place, chosen in known.items()}
    for place, part in enumerate(parts.parts):
        limit_usd = parts.limit_usd
        # A part that is finished asks nothing, so it needs no room.
        if place not in known or not known[place].is_complete:
            limit_usd = _left_usd(parts, [folder for other, folder in folders.items() if other != place])
        one = await do_job(
            replace(part.prepared, max_cost_usd=limit_usd),
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


def _known(parts: Parts) -> dict[int, Chosen]:
    """The runs that earlier sittings of this command have begun, by the place of their part."""
    chosen = {
        place: find_resumable(part.prepared.settings.local_backup_dir, part.prepared.plan)
        for place, part in enumerate(parts.parts)
    }
    return {place: one for place, one in chosen.items() if one is not None}


def _spent_usd(folder: RunFolder) -> float:
    if not folder.journal.exists():
        return 0.0
    costs = read_state(folder.journal).costs
    return costs.spent_usd + costs.presumed_usd + costs.unheard_usd


def _left_usd(parts: Parts, others: Sequence[RunFolder]) -> float | None:
    """The limit of the command less what its other runs have cost.

    Raises:
        UserError: nothing is left.
    """
    if parts.limit_usd is None:
        return None
    elsewhere_usd = sum(map(_spent_usd, others))
    left_usd = parts.limit_usd - elsewhere_usd
    if left_usd <= 0:
        raise UserError(
            f"MAX_COST_USD: {usd(elsewhere_usd)} of {usd(parts.limit_usd)} is spent by this command's runs so far: "
            "raise it, and the same command goes on"
        )
    return left_usd
