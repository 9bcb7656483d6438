"""`execution`: what it shows before and after its runs. The figures and the file's name are on stdout."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialbed.app.execution.book import ResultsBook
from trialbed.app.execution.job import ExecutionFinished, do_execution
from trialbed.app.execution.parts import Parts, prepare_execution
from trialbed.app.execution.wanted import ExecutionWanted
from trialbed.cli.run import has_uvloop, left_to_do
from trialbed.cli.screen import TerminalScreen
from trialbed.core.errors import UserError
from trialbed.core.text import for_terminal

_SUMMARIES = (("Prediction", "metrics_summary"), ("Choice", "execution_choice_summary"))


def execution_command(root: Path, wanted: ExecutionWanted) -> int:
    """Run the tasks, or go on with what is unfinished; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    import anyio

    parts = prepare_execution(root, wanted)
    screen = TerminalScreen()
    for notice in parts.notices:
        screen.announce(notice)
    book = ResultsBook(parts, screen.announce)
    book.check()
    try:
        ended = anyio.run(do_execution, parts, book, screen, backend_options={"use_uvloop": has_uvloop()})
    except (UserError, BaseExceptionGroup):
        if book.path is not None:
            screen.announce(f"Results so far: {book.path}")
        raise
    for line in _lines(parts, book, ended):
        print(for_terminal(line))
    sys.stdout.flush()
    return ended.exit_code


def _lines(parts: Parts, book: ResultsBook, ended: ExecutionFinished) -> list[str]:
    document = book.document()
    lines: list[str] = []
    for title, name in _SUMMARIES:
        if document.get(name):
            lines += [f"{title}, {parts.subject}:", *_table(document[name])]
    lines += [f"Cost: {one.cost.removeprefix('cost ')} ({one.folder.name})" for one in ended.finished]
    lines.append(f"Results: {book.path}")
    if len(ended.finished) < len(parts.parts):
        lines.append(f"{len(parts.parts) - len(ended.finished)} of {len(parts.parts)} runs have not begun")
    return lines + list(dict.fromkeys(line for one in ended.finished for line in left_to_do(one)))


def _table(summary: Mapping[str, Mapping[str, Any]]) -> list[str]:
    width = max(map(len, summary))
    return [f"  {name.ljust(width)}  {_told(share)}" for name, share in summary.items()]


def _told(share: Mapping[str, Any]) -> str:
    """`0.9300 [0.8812, 0.9604] of 100 (all: 0.9100 of 103; truncated 0.0291)`."""
    if share["value"] is None:
        return "none counted"
    said = f"{share['value']:.4f} {_interval(share['ci'])} of {share['n']}"
    if share.get("value_all") is None:
        return said
    return f"{said} (all: {share['value_all']:.4f} of {share['n_all']}; truncated {share['truncation_rate']:.4f})"


def _interval(ends: list[float] | None) -> str:
    return "[no interval]" if ends is None else f"[{ends[0]:.4f}, {ends[1]:.4f}]"
