"""`judge`: what it shows before and after stored transcripts are judged, or judges are probed."""

import sys
from pathlib import Path

from trialbed.analysis.probe_lines import probe_lines
from trialbed.analysis.summary import as_lines
from trialbed.app.judging import JudgingFinished, judge_run
from trialbed.app.prepare_judging import JudgingWanted
from trialbed.app.probing import ProbingFinished, probe_judges
from trialbed.cli.run import has_uvloop, this_command
from trialbed.cli.screen import TerminalScreen
from trialbed.core.text import for_terminal
from trialbed.engine.folder import RunFolder, find_run
from trialbed.settings import load_settings


def judge_command(root: Path, run: str, wanted: JudgingWanted) -> int:
    """Judge the stored transcripts of a run; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    import anyio

    folder = find_run(load_settings(root).local_backup_dir, run)
    finished = anyio.run(_judge, root, folder, wanted, backend_options={"use_uvloop": has_uvloop()})
    how = "STOPPED" if finished.left > finished.failed else "COMPLETE"
    for line in as_lines(finished.summary, title=f"JUDGING {finished.number} {how} - SUMMARY"):
        print(for_terminal(line))
    for line in _after(finished):
        print(for_terminal(line))
    sys.stdout.flush()
    return finished.exit_code


async def _judge(root: Path, folder: RunFolder, wanted: JudgingWanted) -> JudgingFinished:
    return await judge_run(root, folder, wanted, TerminalScreen())


def _after(finished: JudgingFinished) -> list[str]:
    lines = [judge.as_line() for judge in finished.judges]
    lines.append(f"Judging {finished.number}: {finished.judged} transcripts judged, {finished.failed} failed")
    lines += [f"  {count} x {reason}" for reason, count in finished.reasons.items()]
    lines += [f"Cost: {finished.cost.removeprefix('cost ')}", f"Journal: {finished.folder.journal}"]
    for sink, count in finished.owed.items():
        if count:
            by_itself = f" Send them with: trialbed push {finished.folder.name}" if sink == "hub" else ""
            lines.append(f"Not delivered yet to {sink}: {count} records, kept in the journal.{by_itself}")
    if finished.resume:
        lines.append(f"{finished.left} transcripts are left; the same command goes on with them: {this_command()}")
    return lines


def probe_command(root: Path, run: str, wanted: JudgingWanted) -> int:
    """Probe the judges of a run; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    import anyio

    folder = find_run(load_settings(root).local_backup_dir, run)
    finished = anyio.run(_probe, root, folder, wanted, backend_options={"use_uvloop": has_uvloop()})
    for line in (*probe_lines(finished.rows), f"Cost: {finished.cost.removeprefix('cost ')}"):
        print(for_terminal(line))
    if finished.is_cut:
        print("The probe was cut short: its shares are of the answers that came")
    sys.stdout.flush()
    return finished.exit_code


async def _probe(root: Path, folder: RunFolder, wanted: JudgingWanted) -> ProbingFinished:
    return await probe_judges(root, folder, wanted, TerminalScreen())
