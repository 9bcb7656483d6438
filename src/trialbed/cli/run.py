"""`run`: what it shows before and after the job."""

import os
import shlex
import sys
from pathlib import Path

from trialbed.analysis.summary import as_lines
from trialbed.app.checks import hub_problems
from trialbed.app.job import Finished, do_job
from trialbed.app.lock import hold_to_lock
from trialbed.app.prepare import Prepared, Wanted, prepare
from trialbed.cli.screen import TerminalScreen, who_plays
from trialbed.core.price import usd
from trialbed.core.text import for_terminal

_PUSHED = ("hub", "s3", "ingest")


def run_command(root: Path, wanted: Wanted, *, dry_run: bool, fresh: bool, deviate: str | None = None) -> int:
    """Carry out a run; returns the exit code. `deviate` is why it may differ from the locked plan.

    Raises:
        UserError: something the user can fix.
    """
    prepared = hold_to_lock(prepare(root, wanted, also=hub_problems), wanted, why=deviate)
    if deviate is not None and (prepared.lock is None or prepared.lock.matches):
        print(f"--deviate: {_nothing_to_deviate_from(prepared)}; no deviation is recorded", file=sys.stderr)
    if dry_run:
        return show_plan(prepared, fresh=fresh)
    import anyio

    finished = anyio.run(_job, prepared, fresh, backend_options={"use_uvloop": has_uvloop()})
    _show(finished, prepared)
    sys.stdout.flush()
    return finished.exit_code


async def _job(prepared: Prepared, fresh: bool) -> Finished:
    return await do_job(prepared, TerminalScreen(), fresh=fresh)


def _nothing_to_deviate_from(prepared: Prepared) -> str:
    experiment = prepared.plan.experiment
    return (
        f"there is no locked plan of {experiment}" if prepared.lock is None else "nothing differs from the locked plan"
    )


def show_plan(prepared: Prepared, *, fresh: bool) -> int:
    """Print what a run would ask, cost and find out; no call is made. Returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    from trialbed.app.checks import setting_problems
    from trialbed.app.estimate import estimate
    from trialbed.app.money import price_problems
    from trialbed.app.power import planned_power
    from trialbed.core.errors import UserError

    if problems := [*setting_problems(prepared), *price_problems(prepared)]:
        raise UserError("\n".join(problems))
    plan = prepared.plan
    print(f"{plan.experiment} {plan.version}: {plan.size} trials, plan {plan.plan_hash}; no call was made")
    for variant, count in plan.per_variant().items():
        print(f"  {variant}: {count}")
    print(f"  {who_plays(plan)}")
    for line in [] if prepared.lock is None else prepared.lock.lines():
        print(for_terminal(line))
    takes = estimate(prepared, fresh=fresh)
    power = planned_power(prepared, takes)
    for line in (*takes.lines(), *(() if power is None else power.lines())):
        print(for_terminal(line))
    if prepared.max_cost_usd is not None:
        print(f"MAX_COST_USD: {usd(prepared.max_cost_usd)}")
    return 0


def _show(finished: Finished, prepared: Prepared) -> None:
    what = "BATCH EXPERIMENT" if prepared.plan.size > 1 else "EXPERIMENT"
    how = "STOPPED" if finished.summary.not_ended else "COMPLETE"
    for line in as_lines(finished.summary, title=f"{what} {how} - SUMMARY"):
        print(for_terminal(line))
    for line in _where(finished, prepared):
        print(line)


def _where(finished: Finished, prepared: Prepared) -> list[str]:
    folder, settings = finished.folder, prepared.settings
    lines = [f"Cost: {finished.cost.removeprefix('cost ')}", f"Journal: {folder.journal}"]
    if settings.local_backup_enabled:
        lines.append(f"Backups: {folder.backups}{os.sep}run_*_{folder.began_unix_s}_*.json")
    if settings.hf_repo_id is not None and not prepared.is_rehearsal:
        lines.append(f"Dataset: {settings.hf_repo_id}")
    lines += left_to_do(finished)
    if prepared.why_rehearsal is not None:
        lines.append(
            "This was a rehearsal. For real models: copy .env.example to .env, set SUBJECT_MODELS, JUDGE_MODELS, "
            "AWS_REGION and your AWS credentials, then 'make run' again; '.venv/bin/trialbed doctor' checks them."
        )
    return lines


def left_to_do(finished: Finished) -> list[str]:
    """What is not delivered or not done, and how it goes on."""
    lines = []
    for sink, count in finished.owed.items():
        if count:
            by_itself = f" or: trialbed push {finished.folder.name}" if sink in _PUSHED else ""
            lines.append(f"Not delivered yet to {sink}: {count} records, kept in the journal. Run again{by_itself}")
    if finished.resume:
        first = "raise MAX_COST_USD, then " if finished.is_short else ""
        lines.append(f"To resume, {first}the same command again: {this_command()}")
    return lines


def this_command() -> str:
    is_script = sys.argv[0].endswith("run_and_evaluate.py")
    if is_script and "MAKELEVEL" in os.environ and not sys.argv[1:]:
        # Not the bare script: `make run` chooses the Python and, without any set-up, the batch.
        return "make run"
    first = "python run_and_evaluate.py" if is_script else "trialbed"
    return shlex.join([*first.split(), *(part for part in sys.argv[1:] if part != "--fresh")])


def has_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None
