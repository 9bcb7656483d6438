"""Which test cases do the rows of a data set make? One loader for both experiments. Pure.

A row has `id, question_id, function_name, code, input, output, mutated_code, mutated_output`, and may have
`difficulty` and `mutation_info`. `original_code` may stand for `code`, and lists `inputs, outputs, mutated_outputs`
for the three in the singular: then every test case is one of its own. An output is the text of a literal, or a value
that is no text; null is neither, since it may be a value that is missing. Rows that cannot be used are passed over and
counted, never in silence; a column that no row has is an error that names it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trialbed import UserError

from .calls import call_of
from .problem import Case
from .values import literal

_ALIASES = {
    "code": ("code", "original_code"),
    "input": ("input", "inputs"),
    "output": ("output", "outputs"),
    "mutated_output": ("mutated_output", "mutated_outputs"),
}
_NEEDED = ("id", "question_id", "function_name", "code", "input", "output")
_OF_MUTANTS = ("mutated_code", "mutated_output")
_MOST_NAMED = 3


@dataclass(frozen=True)
class Wanted:
    """Which rows are wanted.

    Args:
        most: so many problems, in the data set's order; None = all.
        start: so many usable problems are left out before them.
        skips_boolean: leave out test cases of which an output is True or False.
        takes_unmutated: keep rows without a mutant; they have no `mutated_code`.
    """

    most: int | None = None
    start: int = 0
    skips_boolean: bool = False
    takes_unmutated: bool = False


@dataclass(frozen=True)
class Loaded:
    """The test cases of the problems wanted. `skipped` counts rows and cases by why they are not among them."""

    cases: tuple[Case, ...]
    problems: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """One line for each reason to pass something over."""
        return [f"{count} {why} ({', '.join(self._named(why))})" for why, count in self.skipped.items()]

    def _named(self, why: str) -> list[str]:
        return [*self.examples[why], *(["…"] if self.skipped[why] > _MOST_NAMED else [])]


def load(rows: Sequence[Mapping[str, Any]], wanted: Wanted, *, where: str) -> Loaded:
    """The cases of `rows`; `where` names the data set.

    Raises:
        UserError: a column is missing, two rows or test cases have one id, or nothing is left.
    """
    _check_columns(rows, _NEEDED if wanted.takes_unmutated else (*_NEEDED, *_OF_MUTANTS), where)
    skips = _Skips()
    ids: Counter[str] = Counter()
    problems: list[tuple[Case, ...]] = []
    for number, row in enumerate(rows, 1):
        name = _name(row, number)
        ids[name] += 1
        cases = tuple(_cases(row, name, wanted, skips))
        if cases:
            problems.append(cases)
    if twice := [name for name, count in ids.items() if count > 1]:
        raise UserError(f"{where}: id: two rows are named {twice[0]!r}; give every row an id of its own")
    _check_apart([case for cases in problems for case in cases], where)
    chosen = problems[wanted.start :][: wanted.most]
    if not chosen:
        passed_over = (f"{count} {reason}" for reason, count in skips.counts.items())
        usable = f"{len(problems)} of {len(rows)} rows can be used, and the start index is {wanted.start}"
        why = "; ".join([*passed_over, usable]) if rows else "it has no rows"
        raise UserError(f"{where}: no problem is left to ask about ({why}); choose others")
    return Loaded(tuple(case for cases in chosen for case in cases), len(chosen), skips.counts, skips.examples)


class _Skips:
    """Counts what is passed over, with a few names for each reason."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}

    def add(self, why: str, name: str) -> None:
        self.counts[why] = self.counts.get(why, 0) + 1
        if len(named := self.examples.setdefault(why, [])) < _MOST_NAMED:
            named.append(name)


def _check_columns(rows: Sequence[Mapping[str, Any]], needed: Sequence[str], where: str) -> None:
    there = {name for row in rows for name in row}
    for name in needed:
        names = _ALIASES.get(name, (name,))
        if rows and not there.intersection(names):
            known = ", ".join(sorted(there)) or "none"
            also = f" (or {names[1]})" if len(names) > 1 else ""
            raise UserError(f"{where}: no column {name}{also}; it has: {known}; add it, or name another data set")


def _check_apart(cases: Sequence[Case], where: str) -> None:
    """Ids that differ may become one where a slash is made harmless, or where test cases are numbered."""
    first: dict[str, str] = {}
    for case in cases:
        if case.id in first:
            names = f"{first[case.id]!r} and {case.row!r}"
            raise UserError(f"{where}: id: {names} make one test case, {case.id}; give every row an id of its own")
        first[case.id] = case.row


def _cases(row: Mapping[str, Any], name: str, wanted: Wanted, skips: _Skips) -> Iterable[Case]:
    code, function_name = _first(row, "code"), row.get("function_name")
    if not isinstance(code, str) or not code.strip() or not isinstance(function_name, str):
        skips.add("rows without code or function_name were passed over", name)
        return
    mutant = row.get("mutated_code")
    has_mutant = isinstance(mutant, str) and bool(mutant.strip())
    if not has_mutant and not wanted.takes_unmutated:
        skips.add("rows without mutated_code were passed over", name)
        return
    given, outputs = _listed(row, "input"), _listed(row, "output")
    others = _listed(row, "mutated_output") if has_mutant else [None] * len(given)
    if not len(given) == len(outputs) == len(others):
        skips.add("rows whose inputs and outputs are not as many were passed over", name)
        return
    if not given:
        skips.add("rows without a test case were passed over", name)
        return
    question = _question(row, name)
    for number, (call, output, other) in enumerate(zip(given, outputs, others, strict=True)):
        own = name if len(given) == 1 else f"{name}#{number}"
        values = (call, output, other)
        case = _case(row, own, question, code, function_name, mutant if has_mutant else None, values, skips)
        if case is not None and case.is_boolean and wanted.skips_boolean:
            skips.add("test cases with a boolean output were left out", own)
        elif case is not None:
            yield case


def _case(
    row: Mapping[str, Any],
    name: str,
    question: str,
    code: str,
    function_name: str,
    mutant: str | None,
    values: tuple[Any, Any, Any],
    skips: _Skips,
) -> Case | None:
    given, output, other = values
    info = row.get("mutation_info")
    try:
        call = call_of(function_name, given if isinstance(given, str) else "")
        if not isinstance(given, str):
            raise ValueError("input is no text")
        texts = _literal_text(output), (None if mutant is None else _literal_text(other))
    except ValueError:
        skips.add("test cases whose input is no call or whose output is no Python literal were passed over", name)
        return None
    return Case(
        id=f"{question}/{name.replace('/', '_')}",
        question_id=question,
        row=name,
        function_name=function_name,
        code=code,
        call=call,
        output=texts[0],
        mutated_code=mutant,
        mutated_output=texts[1],
        difficulty=None if row.get("difficulty") is None else str(row["difficulty"]),
        mutation_type=str(info["mutation_type"]) if isinstance(info, Mapping) and "mutation_type" in info else None,
    )


def _literal_text(value: Any) -> str:
    """An output as the text of a literal; what is no text already is written as Python writes it.

    Raises:
        ValueError: it is no literal.
    """
    if value is None:
        raise ValueError("null is no literal")
    text = value if isinstance(value, str) else repr(value)
    literal(text)
    return text


def _name(row: Mapping[str, Any], number: int) -> str:
    """A row's id; without one its question's; without that its place."""
    return _text(row.get("id")) or _text(row.get("question_id")) or f"row-{number}"


def _question(row: Mapping[str, Any], name: str) -> str:
    """The row's question, which is its cluster: a row that names none is one by itself."""
    return (_text(row.get("question_id")) or name).replace("/", "_")


def _text(value: Any) -> str:
    """As an id is written; 0 is one, null is none."""
    return "" if value is None else str(value)


def _first(row: Mapping[str, Any], name: str) -> Any:
    return next((row[alias] for alias in _ALIASES[name] if row.get(alias) is not None), None)


def _listed(row: Mapping[str, Any], name: str) -> list[Any]:
    """The values of all test cases: those of the list, else the one."""
    single, several = _ALIASES[name]
    if row.get(several) is not None:
        return list(row[several]) if isinstance(row[several], list | tuple) else [row[several]]
    return [row.get(single)]
