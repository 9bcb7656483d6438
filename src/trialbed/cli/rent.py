"""`rent build|run|score`: what they show. Names of files and figures are on stdout."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbed.app.prepare import read_project
from trialbed.app.rent.grid import Grid, built_grid, grid_file, write_grid
from trialbed.app.rent.job import RentFinished, do_rent
from trialbed.app.rent.prepare import RentRun, prepare_rent
from trialbed.app.rent.score import Scored, ScoreReady, prepare_score, score_run
from trialbed.app.rent.wanted import EXPERIMENT, GridWanted, RentWanted, ScoreWanted
from trialbed.cli.run import has_uvloop, left_to_do, show_plan, this_command
from trialbed.cli.screen import TerminalScreen
from trialbed.core.errors import UserError
from trialbed.core.text import for_terminal

Row = Mapping[str, Any]


def build_command(root: Path, wanted: GridWanted) -> int:
    """Write the grid file; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    if problems := wanted.problems():
        raise UserError("\n".join(problems))
    settings, catalog = read_project(root)
    found = catalog.find(EXPERIMENT)
    grid = built_grid(found, settings, wanted)
    path = grid_file(root, wanted.output_dir)
    write_grid(found, grid, path)
    _say(grid.notes)
    _print([*_of_grid(grid.rows(found)), f"Grid: {path}"])
    return 0


def run_command(root: Path, wanted: RentWanted, *, only_show: bool) -> int:
    """Ask, and score if that is wanted, or go on with it; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    run = prepare_rent(root, wanted)
    _say(run.grid.notes)
    if only_show:
        _print([*_of_grid(run.grid.rows(run.prepared.found)), *_from(run.grid)])
        return show_plan(run.prepared, fresh=wanted.fresh)
    import anyio

    screen = TerminalScreen()
    if run.prepared.plan.judges and not run.scorer.models:
        judges = ", ".join(map(str, run.prepared.plan.judges))
        screen.announce(f"this run was begun to be scored at once, by {judges}, and goes on so")
    done = anyio.run(do_rent, root, run, wanted, screen, backend_options={"use_uvloop": has_uvloop()})
    _say(done.found["warnings"] if _is_scored(done) else ())
    lines = _after_run(run, done)
    done.files.write_log(done.finished.folder, lines)
    _print(lines)
    return done.exit_code


def score_command(root: Path, wanted: ScoreWanted) -> int:
    """Score the answers of a run; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    ready = prepare_score(root, wanted)
    import anyio

    scored = anyio.run(_score, root, ready, wanted, backend_options={"use_uvloop": has_uvloop()})
    _say(scored.found["warnings"])
    lines = [*_figures(scored.found["summary"]), *_of_scoring(scored), f"Files: {ready.files.folder}"]
    ready.files.write_log(ready.run, lines)
    _print(lines)
    return scored.exit_code


async def _score(root: Path, ready: ScoreReady, wanted: ScoreWanted) -> Scored:
    return await score_run(root, ready.run, wanted, ready.scorer, ready.files, TerminalScreen())


def _is_scored(done: RentFinished) -> bool:
    return any(row["score"] is not None for row in done.found["scored"])


def _after_run(run: RentRun, done: RentFinished) -> list[str]:
    rows: Sequence[Row] = done.found["run"]
    answered = sum(row["outcome"] == "answered" for row in rows)
    lines = [f"{answered} of {run.prepared.plan.size} trials answered"]
    if _is_scored(done):
        lines += _figures(done.found["summary"])
    if done.scored is not None:
        lines += _of_scoring(done.scored)
    else:
        lines.append(f"Cost: {done.finished.cost.removeprefix('cost ')}")
    lines.append(f"Files: {done.files.folder}")
    if not run.scorer.models and answered and not run.prepared.plan.judges:
        lines.append(f"To score them: trialbed rent score --input {done.files.folder / 'run.jsonl'}")
    lines += left_to_do(done.finished)
    if run.prepared.why_rehearsal is not None:
        lines.append("This was a rehearsal. For real models name one with --model, or a roster file with --models.")
    return lines


def _of_scoring(scored: Scored) -> list[str]:
    judging = scored.judging
    if judging is None:
        return []
    lines = [f"Scored: {judging.judged}, failed: {judging.failed}"]
    lines += [f"  {count} x {reason}" for reason, count in judging.reasons.items()]
    lines.append(f"Cost: {judging.cost.removeprefix('cost ')}")
    if judging.resume:
        lines.append(f"{judging.left} answers are left; the same command goes on with them: {this_command()}")
    return lines


def _of_grid(rows: Sequence[Row]) -> list[str]:
    counts = {perspective: 0 for perspective in ("landlord", "tenant", "neutral")}
    for row in rows:
        counts[row["perspective"]] += 1
    of_each = ", ".join(f"{count} {perspective}" for perspective, count in counts.items())
    variants = ", ".join(dict.fromkeys(row["variant"] for row in rows))
    weight = sum(row["weight"] for row in rows)
    return [f"{len(rows)} prompts ({of_each}) standing for {weight} rows of the grid; phrasings: {variants}"]


def _from(grid: Grid) -> list[str]:
    return [] if grid.of_file is None else [f"Prompts: {grid.of_file}"]


def _figures(summary: Sequence[Row]) -> list[str]:
    """A table of what matters most: `model  n_ok/n  sycophancy  uplifts`, each with its interval."""
    names = ("sycophancy", "landlord_uplift", "tenant_uplift")
    table = [("model", "scored", *names)]
    table += [
        (row["model_id"], f"{row['n_ok']} of {row['n']}", *(_told(row, name) for name in names)) for row in summary
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]


def _told(row: Row, name: str) -> str:
    """`0.4211 [0.3512, 0.4910]`, or `null`."""
    value, lo, hi = (row[key] for key in (name, f"{name}_lo", f"{name}_hi"))
    if value is None:
        return "null"
    return f"{value:.4f}" + ("" if lo is None else f" [{lo:.4f}, {hi:.4f}]")


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(for_terminal(line), file=sys.stderr)


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(for_terminal(line))
    sys.stdout.flush()
