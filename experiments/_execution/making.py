"""How do programs become problems? Each row of a file is run, given a mutant, and written with what both of them give.

Only programs of the file named are run, and their mutants. Files are JSON Lines in UTF-8.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from .calls import call_of
from .mutator import KINDS, Kind
from .sandbox import USUAL, said
from .selection import Chosen, Failed, Unsteady, choose, outputs_of

_MADE = ("output", "outputs", "mutated_code", "mutated_output", "mutated_outputs", "mutation_info", "mutation_types")
"""Made here or only meant for here: not carried over from a row that has them."""


class BadRow(ValueError):
    """A row that no problem can be made of. The message says what is wrong with which field, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """One row as it was given, looked over. `calls` are the test cases' calls as source text."""

    row: Mapping[str, Any]
    calls: tuple[str, ...]
    kinds: tuple[Kind, ...]


def main(arguments: Sequence[str]) -> int:
    """0 if the file was written; 2 if something must be put right first, said on stderr one line each."""
    parser = argparse.ArgumentParser(prog="make_mutants.py", description="Make problems of programs.")
    parser.add_argument("programs", type=Path, metavar="IN.jsonl", help="programs with their test inputs, one row each")
    parser.add_argument(
        "problems", type=Path, metavar="OUT.jsonl", help="file to write; it is replaced if there is one"
    )
    parser.add_argument("--seed", type=int, default=0, help="what the choice among mutants depends on (default: 0)")
    given = parser.parse_args(arguments)
    try:
        text = given.programs.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"{given.programs}: cannot be read ({error}); name a file of JSON Lines in UTF-8", file=sys.stderr)
        return 2
    problems: list[dict[str, Any]] = []
    complaints: list[str] = []
    for where, made in made_of(text, seed=given.seed):
        if isinstance(made, BadRow):
            complaints.append(f"{given.programs}:{where}: {made}")
        else:
            problems.append(made)
    if not complaints:
        try:
            _write(given.problems, "".join(map(as_line, problems)))
        except OSError as error:
            complaints.append(f"{given.problems}: cannot be written ({error.strerror}); name another file")
    for complaint in complaints:
        print(_printable(complaint), file=sys.stderr)
    if complaints:
        return 2
    without = sum(problem["mutated_code"] is None for problem in problems)
    print(f"{given.problems}: {len(problems)} rows, {without} of them without a mutant", file=sys.stderr)
    return 0


def made_of(text: str, *, seed: int) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    """For each line that is not blank its number and its problem, or what is wrong with it.

    A row's mutant depends on the seed and the row alone, not on the rows around it.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            source = _read(line)
            name = source.row["id"]
            if name in seen:
                raise BadRow(f"id: {name!r} is that of line {seen[name]} already; give each row its own")
            seen[name] = number
            yield number, problem_of(source, seed=seed)
        except BadRow as bad:
            yield number, bad


def problem_of(source: Source, *, seed: int) -> dict[str, Any]:
    """The row with what its program gives, and with a mutant and what that gives; null where no mutant qualifies.

    Raises:
        BadRow: the program does not give a literal on each test case, or not the same each time.
    """
    program = source.row["code"]
    gives = outputs_of(program, source.calls, limits=USUAL)
    if isinstance(gives, Failed):
        raise BadRow(
            f"code: on {source.calls[gives.case]} the program {said(gives.failure)}; change the row or leave it out"
        )
    if isinstance(gives, Unsteady):
        raise BadRow(
            f"code: on {source.calls[gives.case]} the program does not always give the same; take chance, time and "
            "what one call leaves for the next out of it"
        )
    chance = Random(f"{seed}:{source.row['id']}")
    try:
        chosen = choose(program, source.calls, gives, chance=chance, kinds=source.kinds)
    except ValueError as error:
        raise BadRow(f"code: {error}; end its lines as usual") from None
    return _row(source.row, gives, chosen)


def as_line(problem: Mapping[str, Any]) -> str:
    return json.dumps(problem, ensure_ascii=False) + "\n"


def _row(row: Mapping[str, Any], outputs: tuple[str, ...], chosen: Chosen | None) -> dict[str, Any]:
    many = "inputs" in row
    mutated = None if chosen is None else chosen.outputs
    known = {
        "id": row["id"],
        "question_id": row["question_id"],
        "function_name": row["function_name"],
        "code": row["code"],
        **({"inputs": row["inputs"], "outputs": outputs} if many else {"input": row["input"], "output": outputs[0]}),
        "mutated_code": None if chosen is None else chosen.program,
        **({"mutated_outputs": mutated} if many else {"mutated_output": None if mutated is None else mutated[0]}),
        "difficulty": row.get("difficulty"),
        "mutation_info": None if chosen is None else chosen.mutation.info(),
    }
    return known | {name: value for name, value in row.items() if name not in known and name not in _MADE}


def _read(line: str) -> Source:
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRow("half of a surrogate pair; write whole characters") from None
    except (ValueError, RecursionError) as error:
        raise BadRow(f"no JSON ({error}); write one object a line") from None
    if not isinstance(row, dict):
        raise BadRow("no JSON object; write one a line")
    for name in ("id", "question_id", "function_name", "code"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise BadRow(f"{name}: {'must be text' if name in row else 'is missing'}; give one to each row")
    return Source(row, tuple(_calls(row)), _kinds(row))


def _calls(row: Mapping[str, Any]) -> Iterator[str]:
    if ("input" in row) == ("inputs" in row):
        raise BadRow("input: give either `input`, one text, or `inputs`, a list of texts")
    name = "inputs" if "inputs" in row else "input"
    given = row["inputs"] if name == "inputs" else [row["input"]]
    if not isinstance(given, list) or not given or not all(isinstance(text, str) for text in given):
        raise BadRow(f"{name}: must be {'a list of texts' if name == 'inputs' else 'text'}; write calls as source text")
    for text in given:
        try:
            yield call_of(row["function_name"], text)
        except ValueError as error:
            raise BadRow(f"{name}: {error}; write `f(1, 2)` or `1, 2`") from None


def _kinds(row: Mapping[str, Any]) -> tuple[Kind, ...]:
    wanted = row.get("mutation_types", list(KINDS))
    if not isinstance(wanted, list) or not wanted or not all(kind in KINDS for kind in wanted):
        raise BadRow(f"mutation_types: must be a list of some of {', '.join(KINDS)}; leave it out to allow all")
    return tuple(kind for kind in KINDS if kind in wanted)


def _write(file: Path, text: str) -> None:
    """All of it or nothing: beside its place first, then moved there."""
    handle, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
        os.chmod(beside, 0o644)  # a temporary file is for its owner's eyes only
        os.replace(beside, file)
    except BaseException:  # whatever stopped it, nothing half-written stays; the reason goes on its way
        os.unlink(beside)
        raise


def _printable(text: str) -> str:
    """On one line and without control characters: what a file holds is not trusted on a terminal."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
