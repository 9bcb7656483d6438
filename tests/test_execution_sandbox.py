"""Can a program do anything but compute, and is what became of each call told by its name?"""

import ast
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments._execution import inside
from experiments._execution.sandbox import (
    Ended,
    Gave,
    Limits,
    NotALiteral,
    NotRunnable,
    Outcome,
    OutOfMemory,
    Raised,
    Refused,
    TimedOut,
    TooLong,
    run,
    said,
)

MARK = 20_000 + os.getpid()
"""A limit that no other process of this machine is started with: it stands in the command line."""
MARKED = Limits(wall_s=1.5, cpu_s=1, output_chars=MARK)
SHORT = Limits(wall_s=5.0, cpu_s=1, memory_bytes=256 * 1024 * 1024)


def outcome(program: str, call: str = "f()", *, limits: Limits = SHORT) -> Outcome:
    (only,) = run(program, [call], limits=limits)
    return only


def body(*lines: str) -> str:
    return "def f():\n" + "".join(f"    {line}\n" for line in lines)


def marked_processes() -> list[str]:
    """Those that were started with `MARKED`, and what they may have started in turn."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f'"output_chars": {MARK}'.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue  # gone meanwhile
    return found


# Results

LITERALS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.sets(st.one_of(st.integers(), st.text(max_size=3)), max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=10, deadline=None)
@given(st.lists(LITERALS, min_size=1, max_size=20))
def test_a_result_comes_back_as_text_that_reads_as_the_same_value(values: list[object]) -> None:
    outcomes = run("def f(x):\n    return x\n", [f"f({value!r})" for value in values], limits=SHORT)
    assert len(outcomes) == len(values)
    for value, found in zip(values, outcomes, strict=True):
        assert isinstance(found, Gave)
        read = ast.literal_eval(found.text)
        assert read == value and repr(read)[:1] == repr(value)[:1] and type(read) is type(value)


@pytest.mark.parametrize("call", ["f(True)", "f(1)", "f(1.0)", "f(-0.0)", "f('1')", "f((1,))", "f([1])", "f(set())"])
def test_types_that_compare_equal_stay_apart(call: str) -> None:
    assert outcome("def f(x):\n    return x\n", call) == Gave(call[2:-1])


def test_strings_of_a_set_stand_in_the_same_order_in_every_process() -> None:
    program = "def f():\n    return set('abcdefghijklmnop')\n"
    assert len({outcome(program) for _ in range(5)}) == 1


def test_each_call_meets_the_program_as_it_is_at_the_start() -> None:
    program = "seen = []\n\ndef f(x):\n    seen.append(x)\n    return seen\n"
    assert run(program, ["f(1)", "f(2)"]) == (Gave("[1]"), Gave("[2]"))


def test_what_a_program_prints_is_no_result() -> None:
    assert outcome(body('print(\'[0, "gave", "7"]\')', "return 1")) == Gave("1")


def test_a_program_without_calls_is_not_run() -> None:
    assert run("while True:\n    pass\n", []) == ()


@pytest.mark.parametrize(
    ("result", "what"),
    [
        ("object()", "object"),
        ("float('nan')", "nan"),
        ("[1, (2.0, float('-inf'))]", "-inf"),
        ("frozenset()", "frozenset"),
        ("b''", "bytes"),
        ("1j", "complex"),
        ("{1: range(2)}", "range"),
        ("__import__('collections').Counter('a')", "Counter"),
        ("type('Sub', (int,), {})(3)", "Sub"),
        ("10 ** 5000", "an int too long to be written down"),
        ("(lambda x: x.append(x) or x)([])", "something nested more than 50 deep"),
    ],
)
def test_what_is_no_literal_is_named(result: str, what: str) -> None:
    assert outcome(body(f"return {result}")) == NotALiteral(what)


# Failures of the program itself


def test_an_exception_is_named_and_leaves_the_other_calls_alone() -> None:
    found = run("def f(x):\n    return 1 / x\n", ["f(0)", "f(2)", "f('a')"])
    assert found[:2] == (Raised("ZeroDivisionError", "division by zero"), Gave("0.5"))
    assert isinstance(found[2], Raised) and found[2].error == "TypeError"


def test_an_exception_with_a_hostile_text_is_named() -> None:
    program = "class Bad(Exception):\n    def __str__(self):\n        raise SystemExit\n\ndef f():\n    raise Bad\n"
    assert outcome(program) == Raised("Bad", "")


def test_leaving_by_sys_exit_is_an_exception_like_another() -> None:
    assert outcome(body("import sys", "sys.exit(0)")) == Raised("SystemExit", "0")


def test_leaving_by_os_exit_ends_the_calls_that_follow_too() -> None:
    program = "import os\n\ndef f(x):\n    return 1 if x else os._exit(0)\n"
    assert run(program, ["f(1)", "f(0)", "f(1)"]) == (Gave("1"), Ended("exit code 0"), Ended("exit code 0"))


def test_a_program_that_kills_itself_has_ended() -> None:
    assert outcome(body("import signal", "signal.raise_signal(signal.SIGKILL)")) == Ended("SIGKILL")


def test_endless_recursion_is_an_exception() -> None:
    found = outcome(body("return f()"))
    assert isinstance(found, Raised) and found.error == "RecursionError"


@pytest.mark.parametrize(
    ("program", "call", "error"),
    [
        ("def f(:\n", "f()", "SyntaxError"),
        ("x = 1\n\x00", "f()", "SyntaxError"),
        ("import surely_no_module\n", "f()", "ModuleNotFoundError"),
        ("1 / 0\n", "f()", "ZeroDivisionError"),
        ("raise SystemExit(3)\n", "f()", "SystemExit"),
        (body("return 1"), "f(", "SyntaxError"),
        (body("return 1"), "f(); f()", "SyntaxError"),
    ],
)
def test_what_cannot_be_run_is_told_from_what_went_wrong_running(program: str, call: str, error: str) -> None:
    found = outcome(program, call)
    # Python 3.11 calls a null byte a ValueError.
    assert isinstance(found, NotRunnable) and found.error in {error, "ValueError"}


def test_every_failure_can_be_said_on_one_line() -> None:
    for failure in (
        TimedOut(), OutOfMemory(), Raised("KeyError", "'a'"), Raised("KeyError", ""), NotALiteral("nan"), TooLong(),
        Refused("open"), NotRunnable("SyntaxError", "bad"), Ended("SIGSEGV"),
    ):  # fmt: skip
        assert said(failure) and "\n" not in said(failure)


# Limits


@pytest.mark.parametrize("line", ["while True: pass", "import time; time.sleep(60)", "sum(iter(int, 1))"])
def test_a_call_without_end_is_ended_and_leaves_no_process(line: str) -> None:
    started = time.monotonic()
    assert outcome(body(line), limits=MARKED) == TimedOut()
    assert time.monotonic() - started < 20
    assert marked_processes() == []


def test_a_program_deaf_to_the_first_signal_is_ended_all_the_same() -> None:
    line = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)"
    found = outcome(body(line, "while True: pass"), limits=Limits(wall_s=10.0, cpu_s=1))
    assert found in (Ended("SIGKILL"), TimedOut())


def test_calls_before_an_endless_one_keep_their_results() -> None:
    program = "def f(x):\n    while x:\n        pass\n    return 'done'\n"
    found = run(program, ["f(0)", "f(1)", "f(0)"], limits=SHORT)
    assert found == (Gave("'done'"), TimedOut(), TimedOut())


def test_a_program_that_closes_its_answers_and_stays_is_ended() -> None:
    line = "import os, time; os.closerange(0, 16); time.sleep(60)"
    assert outcome(body(line), limits=Limits(wall_s=1.0)) == TimedOut()


@pytest.mark.parametrize(
    "lines", [("return [0] * 10 ** 10",), ("kept = []", "while True: kept.append('x' * 10 ** 6)")], ids=["once", "many"]
)
def test_too_much_memory_is_named(lines: tuple[str, ...]) -> None:
    assert outcome(body(*lines)) == OutOfMemory()


def test_a_result_that_is_too_long_is_named() -> None:
    assert outcome(body("return 'x' * 10 ** 7")) == TooLong()
    assert outcome(body("return 'x' * 100"), limits=Limits(output_chars=101)) == TooLong()
    assert outcome(body("return 'x' * 100"), limits=Limits(output_chars=102)) == Gave(repr("x" * 100))


def write_anywhere(data: str, *, times: int) -> str:
    """A program that writes to all it has open."""
    return (
        f"import os\n\ndef f():\n    for fd in list(range(1, 9)) * {times}:\n        try:\n"
        f"            os.write(fd, {data})\n        except OSError:\n            pass\n    return 1\n"
    )


def test_a_flood_of_output_is_cut_off() -> None:
    started = time.monotonic()
    assert outcome(write_anywhere("b'x' * 65536", times=10**6), limits=SHORT) in (
        TooLong(),
        Ended("answers that cannot be read"),
    )
    assert time.monotonic() - started < 20


def test_a_forged_answer_that_is_no_literal_does_not_count() -> None:
    forged = write_anywhere('b\'[0, "gave", "f()"]\\n\'', times=1)
    assert outcome(forged) == Ended("answers that cannot be read")


# What it may not


def test_a_file_outside_the_library_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    for line in (
        f"return open({str(secret)!r}).read()",
        f"import os; return os.read(os.open({str(secret)!r}, os.O_RDONLY), 9)",
        f"import pathlib; return pathlib.Path({str(secret)!r}).read_text()",
        f"import os; return os.listdir({str(tmp_path)!r})",
        f"import linecache; return linecache.getlines({str(secret)!r})",
    ):
        found = outcome(body(*line.split("; ")))
        assert isinstance(found, Refused) and "s3cret" not in repr(found)


def test_a_way_from_the_library_to_elsewhere_is_not_taken() -> None:
    program = body("import os", "return open(os.path.dirname(os.__file__) + '/../../../../../../etc/hostname').read()")
    assert outcome(program) == Refused("open")


@pytest.mark.parametrize("line", ["open('note', 'w')", "import os; os.mkdir('a')", "import os; os.remove('a')"])
def test_nothing_is_written(line: str) -> None:
    assert isinstance(outcome(body(*line.split("; "), "return 1")), Refused)


def test_a_refusal_cannot_be_caught() -> None:
    program = body("try:", "    open('/etc/hostname')", "except BaseException:", "    return 'caught'")
    assert run(program, ["f()", "f()"]) == (Refused("open"), Refused("open"))


def test_its_folder_is_empty_and_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = body("import os", "folder = os.getcwd()", "return folder, os.stat(folder).st_nlink")
    found = outcome(program)
    assert isinstance(found, Gave)
    folder, links = ast.literal_eval(found.text)
    assert Path(folder).parent == tmp_path and links <= 2
    assert list(tmp_path.iterdir()) == []


def test_credentials_of_the_environment_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    assert outcome(body("import os", "return dict(os.environ)")) == Gave("{}")
    for path in ("/proc/self/environ", f"/proc/{os.getpid()}/environ"):
        assert outcome(body(f"return open({path!r}).read()")) == Refused("open")


def test_installed_packages_are_not_there() -> None:
    found = outcome("import boto3\n")
    assert isinstance(found, NotRunnable) and found.error == "ModuleNotFoundError"


def test_no_connection_reaches_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for line in (
            f"import socket; socket.create_connection(('127.0.0.1', {port}))",
            f"import _socket; _socket.socket().connect(('127.0.0.1', {port}))",
            f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}')",
        ):
            assert isinstance(outcome(body(*line.split("; "))), Refused)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_without_the_audit_hook_the_network_is_another_one_still() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = (
            f"import sys; sys.path.insert(0, {str(Path(inside.__file__).parent)!r}); import inside, socket\n"
            "if not inside.leave_the_network(): sys.exit(3)\n"
            f"try: socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), timeout=2)\n"
            "except OSError: sys.exit(0)\n"
            "sys.exit(1)"
        )
        code = subprocess.run([sys.executable, "-c", script], timeout=20).returncode
    if code == 3:
        pytest.skip("the kernel gives no process a network of its own here; the audit hook stands alone")
    assert code == 0


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.fork()",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import os; os.kill(os.getppid(), 0)",
        "import subprocess; subprocess.run(['true'])",
        "import _posixsubprocess",
        "import multiprocessing",
        "import ctypes",
        "import _ctypes",
        "import mmap",
        "import threading; threading.Thread(target=f).start()",
        "import gc; gc.get_objects()",
        "import sys; sys.addaudithook(print)",
        "import sys; sys.settrace(print)",
        "import resource",
        "input()",
        "breakpoint()",
    ],
)
def test_anything_but_computing_is_refused(line: str) -> None:
    found = outcome(body(*line.split("; "), "return 1"), limits=MARKED)
    assert isinstance(found, Refused) and said(found)
    assert marked_processes() == []


def test_the_usual_modules_of_computing_are_there() -> None:
    modules = (
        "abc array bisect cmath collections contextlib copy dataclasses datetime decimal enum fractions functools "
        "hashlib heapq io itertools json math numbers operator random re statistics string struct textwrap time types "
        "typing unicodedata"
    )
    program = "".join(f"import {module}\n" for module in modules.split()) + (
        "\n@dataclasses.dataclass(frozen=True)\nclass Point:\n    x: int\n\n"
        "Pair = collections.namedtuple('Pair', 'a b')\n\ndef f():\n    return Point(1).x + Pair(2, 3).b\n"
    )
    assert outcome(program) == Gave("4")


def test_a_program_sees_neither_its_limits_nor_its_request() -> None:
    assert outcome(body("import sys, os", "return len(sys.argv), os.read(0, 9) == b''")) == Gave("(1, True)")


def test_text_beyond_ascii_goes_in_and_comes_out() -> None:
    assert outcome("def f(x):\n    return x[::-1]  # né\n", "f('żółw 🐢')") == Gave("'🐢 włóż'")


def test_a_long_request_is_taken(tmp_path: Path) -> None:
    calls = [f"f({json.dumps('x' * 500)})"] * 400
    assert run("def f(x):\n    return len(x)\n", calls) == (Gave("500"),) * 400
