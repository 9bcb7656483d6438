"""Which commands are there, and how does the process end? The only place that exits."""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import typer

from trialbed.cli import commands, rent_arguments
from trialbed.core.errors import UserError

USAGE = 2


def main(argv: Sequence[str] | None = None, *, root: Path | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    _leave(exit_code_of(sys.argv[1:] if argv is None else argv, root=root))


def exit_code_of(argv: Sequence[str], *, root: Path | None = None) -> int:
    """Run one command: 0 all answered, 1 some failed, 2 the user can fix it, 130/143 a signal."""
    # A script's `trialbed run &` starts with SIGINT ignored, and would stay so until the run watches signals itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Until then a SIGTERM must end the process as quietly as Ctrl+C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        code = _app()(list(argv) or ["--help"], prog_name="trialbed", standalone_mode=False, obj=root)
    except typer.TyperException as error:
        _say(_usage_line(error))
        code = USAGE
    except UserError as error:
        _say(str(error))
        code = USAGE
    except BrokenPipeError:
        code = 0
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseExceptionGroup as group:
        code = _of_group(group)
    except Exception as error:  # a fault of ours: said whole, but never with a secret in it
        _say(_redacted_traceback(error))
        code = 1
    return code if isinstance(code, int) else 0


def _leave(code: int) -> NoReturn:
    """Exit at once: the interpreter would wait for a thread that hangs, and take all that a large run held apart."""
    # From here on a signal could only spoil the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:  # e.g. `trialbed status | head`: what could not be shown is not missed
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    os._exit(code)


def _app() -> typer.Typer:
    app = typer.Typer(
        name="trialbed",
        help="Run every framing of a prompt against every model; keep, judge and publish every answer.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in commands.ALL:
        app.command(command.__name__.replace("_", "-").strip("-"))(command)
    rent = typer.Typer(help="Rent triplets: does a model side with whoever asks?", rich_markup_mode=None)
    for of_rent in rent_arguments.ALL:
        rent.command(of_rent.__name__)(of_rent)
    app.add_typer(rent, name="rent")
    return app


def _usage_line(error: typer.TyperException) -> str:
    """What is wrong with the command line, and where to look."""
    context = getattr(error, "ctx", None)
    where = "trialbed" if context is None else context.command_path
    return f"{where}: {' '.join(error.format_message().split()).rstrip('.')}; see '{where} --help'"


def _of_group(group: BaseExceptionGroup[BaseException]) -> int:
    known, unknown = group.split(UserError)
    if unknown is not None:
        _say(_redacted_traceback(unknown))
        return 1
    said = dict.fromkeys(str(leaf) for leaf in _leaves(known)) if known is not None else {}
    for line in said:
        _say(line)
    return USAGE


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for inner in group.exceptions
        for leaf in (_leaves(inner) if isinstance(inner, BaseExceptionGroup) else [inner])
    ]


def _redacted_traceback(error: BaseException) -> str:
    import traceback

    return _redactor()("".join(traceback.format_exception(error)))


def _say(text: str) -> None:
    from trialbed.core.text import for_terminal

    for line in _redactor()(text).splitlines():
        print(for_terminal(line), file=sys.stderr)


def _redactor() -> Callable[[str], str]:
    # Imported late: only what goes wrong needs it.
    from trialbed.core.redact import Redactor
    from trialbed.settings import known_secrets

    return Redactor(known_secrets(os.environ))
