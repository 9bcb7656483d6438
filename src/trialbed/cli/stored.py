"""`status`, `push`, `verify`: commands about a run that is on disk."""

import json
from pathlib import Path
from typing import Any

from trialbed.app.stored import Status, status_of
from trialbed.core.difference import Difference
from trialbed.core.text import for_terminal
from trialbed.engine.folder import find_run
from trialbed.engine.spending import cost_text
from trialbed.settings import load_settings

SOMETHING_IS_OWED = 1
_WHERE = {"hub": "on the Hub", "s3": "in S3", "ingest": "at the results server"}
_NOT_ENDED = ("pending", "cancelled", "budget_stopped")


def status_command(root: Path, run: str | None, *, as_json: bool) -> int:
    """How a run stands; always 0 when it could be read."""
    status = status_of(find_run(load_settings(root).local_backup_dir, run))
    if as_json:
        print(json.dumps(status.as_dict(), indent=2))
    else:
        for line in _status_lines(status):
            print(for_terminal(line))
    return 0


def push_command(root: Path, run: str) -> int:
    """Upload what a run owes; 0 when nothing is owed afterwards."""
    import anyio

    from trialbed.app.push import push
    from trialbed.cli.screen import TerminalScreen

    settings = load_settings(root)
    folder = find_run(settings.local_backup_dir, run)
    left = anyio.run(push, root, settings, folder, TerminalScreen().announce)
    owed = sum(left.values())
    there = " and ".join(_WHERE[sink] for sink in left)
    said = f"{owed} records are still owed" if owed else f"everything is {there}"
    print(f"{folder.name}: {said}")
    return SOMETHING_IS_OWED if owed else 0


def verify_command(root: Path, run: str, *, as_json: bool) -> int:
    """Compare Hub, journal and plan; 0 when they agree."""
    import anyio

    from trialbed.app.push import verify_run
    from trialbed.cli.screen import TerminalScreen

    settings = load_settings(root)
    folder = find_run(settings.local_backup_dir, run)
    report = anyio.run(verify_run, settings, folder, TerminalScreen().announce)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        for line in report.lines():
            print(for_terminal(line))
    return 0 if report.ok else SOMETHING_IS_OWED


def _status_lines(status: Status) -> list[str]:
    ended = sum(count for name, count in status.outcomes.items() if name not in _NOT_ENDED)
    state = "is running" if status.is_running else "is complete" if status.is_complete else "has stopped"
    lines = [f"{status.run} {state}: {ended} of {status.planned} trials ended", f"  {status.path}"]
    lines.append(
        "  " + (", ".join(f"{name} {count}" for name, count in status.outcomes.items() if count) or "nothing planned")
    )
    for variant, row in status.per_variant.items():
        done = ", ".join(f"{name} {count}" for name, count in row.items() if name != "planned")
        lines.append(f"  {variant}: {row.get('planned', 0)} planned; {done or 'none ended'}")
    lines.append(f"  {status.answered_calls} calls answered, {sum(status.failed_attempts.values())} attempts failed")
    lines += [f"    {count} x {name}" for name, count in status.failed_attempts.items()]
    lines += [_pace_line(model, pace) for model, pace in status.governor.items()]
    lines.append(f"  {_cost_line(status.cost)}")
    lines += _lock_lines(status)
    lines += [f"  owed to {sink}: {count} records" for sink, count in status.owed.items() if count]
    return lines


def _pace_line(model: str, pace: dict[str, Any]) -> str:
    rates = ((pace["requests_per_s"], "requests"), (pace["tokens_per_s"], "tokens"))
    learnt = " and ".join(f"{rate:.4g} {unit}/s" for rate, unit in rates if rate is not None)
    return (
        f"  {model}: {pace['started']} attempts, {pace['throttles']} turned away; at most {pace['limit']} at a time, "
        + (f"learnt pace {learnt}" if learnt else "no quota met")
    )


def _lock_lines(status: Status) -> list[str]:
    lock, lines = status.lock, []
    if lock is not None:
        lines.append(
            f"  locked plan {lock['file']} (hash {lock['hash']}) {'matches' if lock['matches'] else 'differs'}"
        )
    for one in status.deviations:
        lines.append(f"  deviation since {one['at']}: {Difference(one['what'], one['locked'], one['actual']).line()}")
        lines.append(f"    {one['why']}")
    return lines


def _cost_line(cost: dict[str, Any]) -> str:
    said = cost_text(cost["spent_usd"] or 0.0, cost["presumed_usd"], cost["unknown_calls"], cost["limit_usd"])
    return said if said.startswith("cost") else f"cost {said}"
