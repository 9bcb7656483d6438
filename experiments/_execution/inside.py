"""What does each call of a program come to? Run by `sandbox.py` in a process of its own; nobody imports it to run it.

The process first lays down its limits, leaves the network and only then reads the program. From there on an audit hook
ends the process at the first thing that is not computing: a program cannot catch that and go on. One JSON line per call
goes to what was standard output: `[number, what, ...]`. Needs the standard library alone.
"""

import _thread
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

_DEEPEST = 50
"""Nesting that a reader's own parser can still take; a value that holds itself has no end."""

_HARMLESS = frozenset(
    {
        "array.__new__", "builtins.id", "compile", "exec", "function.__new__", "marshal.load", "marshal.loads",
        "object.__delattr__", "object.__getattr__", "object.__setattr__", "pickle.find_class", "sys._getframe",
        "sys._getframemodulename", "time.sleep",
    }
)  # fmt: skip
"""What computing and importing from the standard library do. Any other event, known or to come, is refused."""

_CLOSED_MODULES = frozenset(
    {
        "_ctypes", "_interpreters", "_multiprocessing", "_posixshmem", "_posixsubprocess", "_socket", "_ssl",
        "_testcapi", "_testinternalcapi", "_xxsubinterpreters", "ctypes", "fcntl", "mmap", "multiprocessing",
        "resource", "socket", "ssl", "subprocess",
    }
)  # fmt: skip
"""They reach past what the audit hook sees."""


def main() -> None:
    limits: dict[str, Any] = json.loads(sys.argv[1])
    library = tuple(os.path.realpath(folder) for folder in sys.path)
    del sys.argv[1:]
    os.environ.clear()
    lay_down(limits)
    leave_the_network()
    for name in [name for name in sys.modules if name.partition(".")[0] in _CLOSED_MODULES]:
        del sys.modules[name]  # importing it again is an event, and refused
    stay_alone()
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    under_way = [0]
    sys.addaudithook(_fence(library, lambda what: _tell(answers, under_way[0], ("refused", what))))
    for number, call in enumerate(request["calls"]):
        under_way[0] = number
        _tell(answers, number, _answer(request["program"], call, limits["output_chars"]))
    os._exit(0)  # what a program registered for the end of its process does not run


def lay_down(limits: Mapping[str, int]) -> None:
    """Hold this process to its limits for good.

    Raises:
        ValueError, OSError: the system does not take a limit; then no program may run here.
    """
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
    ):
        resource.setrlimit(what, (most, most))
    # The first limit is a signal that says which one it was, the second cannot be ignored.
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))


def leave_the_network() -> bool:
    """Move to a network of nobody else, where the kernel has such; whether it did.

    Beside it: end with the parent, and never gain rights.
    """
    import ctypes  # os.unshare is not in Python 3.11

    library = ctypes.CDLL(None, use_errno=True)
    new_user, new_network, end_with_parent, no_new_rights = 0x10000000, 0x40000000, 1, 38
    try:
        library.prctl(end_with_parent, signal.SIGKILL, 0, 0, 0)
        library.prctl(no_new_rights, 1, 0, 0, 0)
        return bool(library.unshare(new_user | new_network) == 0)
    except AttributeError:  # no Linux
        return False


def stay_alone() -> None:
    """Let the start of a thread be an event in Python 3.11 too; later ones make it one themselves."""

    def start(*_: object, **__: object) -> None:
        sys.audit("_thread.start_new_thread")

    for name in ("start_new_thread", "start_new"):
        setattr(_thread, name, start)


def _fence(library: Sequence[str], tell: Callable[[str], None]) -> Callable[[str, tuple[Any, ...]], None]:
    def readable(path: object) -> bool:
        if not isinstance(path, str):
            return False
        if path.startswith("<") and path.endswith(">") and os.sep not in path:
            return True  # Python looks for the line of a syntax error; the folder is empty, so there is none
        real = os.path.realpath(path)
        return any(real == folder or real.startswith(folder + os.sep) for folder in library) and not (
            {"site-packages", "dist-packages"} & set(real.split(os.sep))
        )

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _HARMLESS:
            return
        if event == "import":
            if args[0].partition(".")[0] not in _CLOSED_MODULES:
                return
        elif event == "open":
            reads_only = not args[2] & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC)
            if reads_only and readable(args[0]):
                return
        elif event in ("os.listdir", "os.scandir") and readable(args[0]):  # how a module is found
            return
        try:
            tell(f"import of {args[0]}" if event == "import" else event)
        finally:
            os._exit(1)

    return hook


def _tell(answers: int, number: int, answer: Sequence[str]) -> None:
    line = json.dumps([number, *answer]).encode() + b"\n"
    while line:
        line = line[os.write(answers, line) :]


def _answer(program: str, call: str, output_chars: int) -> tuple[str, ...]:
    """Each call meets the program as it is at the start: what an earlier call left in its globals is gone."""
    try:
        namespace: dict[str, Any] = {"__name__": "program"}
        try:
            exec(compile(program, "<program>", "exec", dont_inherit=True), namespace)
            code: CodeType = compile(call, "<call>", "eval", dont_inherit=True)
        except MemoryError:
            raise
        except BaseException as error:  # anything can go wrong in the program's outermost lines, and all of it is said
            return ("not_runnable", *_described(error))
        value = eval(code, namespace)
        del namespace
        if strange := _strange(value):
            return ("not_a_literal", strange)
        text = repr(value)
    except MemoryError:
        return ("out_of_memory",)
    except BaseException as error:  # even SystemExit: how a call ended is what is asked here
        return ("raised", *_described(error))
    return ("gave", text) if len(text) <= output_chars else ("too_long",)


def _described(error: BaseException) -> tuple[str, str]:
    try:
        said = str(error)[:200]
    except BaseException:  # the program's own exceptions have a `__str__` of their own
        said = ""
    return type(error).__name__[:100], said


def _strange(value: object, depth: int = 0) -> str:
    """What keeps a value from being a literal, empty if nothing does. Types are exact: a subclass is no literal."""
    if depth > _DEEPEST:
        return f"something nested more than {_DEEPEST} deep"
    kind = type(value)
    if kind is float:
        return "" if math.isfinite(value) else repr(value)  # type: ignore[arg-type]
    if kind is int and value.bit_length() > 14_000:  # type: ignore[attr-defined]
        return "an int too long to be written down"
    if value is None or kind in (bool, int, str):
        return ""
    if kind is dict:
        parts = [part for pair in value.items() for part in pair]  # type: ignore[attr-defined]
    elif kind in (list, tuple, set):
        parts = list(value)  # type: ignore[call-overload]
    else:
        return kind.__name__[:100]
    return next((strange for part in parts if (strange := _strange(part, depth + 1))), "")


if __name__ == "__main__":
    main()
