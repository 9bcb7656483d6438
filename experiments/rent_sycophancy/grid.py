"""What does a row of a grid file say, and which cases do rows make? The form of `raw/grid.jsonl`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from trialbed import UserError
from trialbed.core.canonical import digest
from trialbed.core.text import for_terminal, repair

from .case import Case, StoredMessage, weight_of
from .phrasing import Phrasing, messages_of

_BUILD = "build it anew with 'trialbed rent build'"
_MOST_PROBLEMS = 20


class GridRow(BaseModel):
    """One prompt as a file has it. Its place in the grid is said by its factors, its words by its messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_id: str
    variant: str
    perspective: str
    factors: dict[str, Any]
    weight: int
    messages: tuple[StoredMessage, ...]


@dataclass(frozen=True)
class Read:
    """The cases of a grid file and the variants it has them in. `edited` counts prompts whose words are the file's."""

    cases: tuple[Case, ...]
    variants: tuple[str, ...]
    edited: int


def prompt_id(case: Case, messages: Sequence[StoredMessage]) -> str:
    """The hash of what a prompt is: who asks, in which case, in which words. The same on every machine."""
    said = [message.model_dump(mode="json") for message in messages]
    return digest({"perspective": case.perspective, "factors": case.factors, "messages": said})


def grid_rows(cases: Sequence[Case], phrasings: Sequence[Phrasing]) -> list[dict[str, Any]]:
    """The rows of a grid, phrasing by phrasing, in the order of the cases."""
    return [row_of(case, phrasing, weight_of(case, cases)) for phrasing in phrasings for case in cases]


def row_of(case: Case, phrasing: Phrasing, weight: int) -> dict[str, Any]:
    messages = messages_of(case, phrasing)
    return {
        "prompt_id": prompt_id(case, messages),
        "variant": phrasing.id,
        "perspective": case.perspective,
        "factors": case.factors,
        "weight": weight,
        "messages": [message.model_dump(mode="json") for message in messages],
    }


def read_rows(
    rows: Iterable[Mapping[str, Any]], known: Sequence[Case], phrasings: Sequence[Phrasing], *, where: str
) -> Read:
    """The cases that rows make, in the order of the file; where a row's words are others than would be made now, the
    case has the row's.

    Raises:
        UserError: a row cannot be used, or a prompt is there in some variants and not in others.
    """
    by_place = {(case.perspective, *_place(case.factors)): case for case in known}
    by_id = {phrasing.id: phrasing for phrasing in phrasings}
    found: dict[str, dict[str, tuple[StoredMessage, ...]]] = {}
    cases: dict[str, Case] = {}
    firsts: dict[str, int] = {}
    problems: list[str] = []
    for number, content in enumerate(rows, 1):
        try:
            row = _row(content)
            case = _case_of(row, by_place)
            _check(row, by_id)
            if row.variant in found.get(case.id, {}):
                raise UserError("this prompt is there already; leave one of the two out")
        except UserError as error:
            problems.append(f"row {number}: {error}")
        else:
            cases[case.id] = case
            firsts.setdefault(case.id, number)
            found.setdefault(case.id, {})[row.variant] = row.messages
    variants = tuple(dict.fromkeys(variant for own in found.values() for variant in own))
    if not problems:  # else a row that cannot be used would be missed too
        problems = [
            f"row {firsts[case]}: {case} is not there in {', '.join(sorted(lacks))}; add it, or drop all of it"
            for case, own in found.items()
            if (lacks := set(variants) - own.keys())
        ]
    if problems or not cases:
        raise UserError(_told(problems or [f"holds no prompt; {_BUILD}"], where))
    return _read(cases, found, by_id, variants)


def _told(problems: Sequence[str], where: str) -> str:
    """One line each, and how many more there are than anybody reads."""
    more = [f"and {len(problems) - _MOST_PROBLEMS} more"] if len(problems) > _MOST_PROBLEMS else []
    return "\n".join(f"{where}: {problem}" for problem in [*problems[:_MOST_PROBLEMS], *more])


def _row(content: Any) -> GridRow:
    """Raises:
    UserError: it is not of the form.
    """
    try:
        return GridRow.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        said = f"{field}: {first['msg']}" if field else "must be one object"
        raise UserError(f"{for_terminal(' '.join(said.split()))}; {_BUILD}") from None


def _read(
    cases: Mapping[str, Case],
    found: Mapping[str, Mapping[str, tuple[StoredMessage, ...]]],
    phrasings: Mapping[str, Phrasing],
    variants: tuple[str, ...],
) -> Read:
    made: list[Case] = []
    edited = 0
    for name, case in cases.items():
        stored = {
            variant: messages
            for variant, messages in found[name].items()
            if messages != messages_of(case, phrasings[variant])
        }
        edited += len(stored)
        made.append(_edited(case, stored) if stored else case)
    return Read(tuple(made), variants, edited)


def _edited(case: Case, stored: Mapping[str, tuple[StoredMessage, ...]]) -> Case:
    """The same case in other words: another scenario, of the same cluster."""
    words = {name: [one.model_dump(mode="json") for one in messages] for name, messages in stored.items()}
    return case.model_copy(update={"id": f"{case.id}/edited-{digest(words)[:8]}", "stored": dict(stored)})


def _case_of(row: GridRow, known: Mapping[tuple[Any, ...], Case]) -> Case:
    """Raises:
    UserError: there is none that is what the row says of its own.
    """
    try:
        case = known.get((row.perspective, *_place(row.factors)))
    except TypeError:  # a list or an object in the place of a level
        case = None
    if case is None:
        raise UserError(f"the grid has no such case ({row.perspective!r}, {row.factors!r}); {_BUILD}")
    for name, value in row.factors.items():
        if name not in case.factors or value != case.factors[name]:
            is_so = repr(case.factors[name]) if name in case.factors else "nothing"
            raise UserError(f"factors: {name!r} is {value!r}, where this case has {is_so}; {_BUILD}")
    return case


def _place(factors: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(factors.get(name) for name in ("amount", "justification", "landlord_quality", "tenant_quality"))


def _check(row: GridRow, phrasings: Mapping[str, Phrasing]) -> None:
    if row.variant not in phrasings:
        raise UserError(f"variant {row.variant!r} has no file; there is: {', '.join(phrasings)}")
    roles = [message.role for message in row.messages]
    if roles not in (["system", "user"], ["user"]):
        raise UserError("messages: must be one of the user, after one of the system or alone")
    if not all(message.content.strip() for message in row.messages):
        raise UserError("messages: one is empty; write it")
    if any(repair(message.content)[1] for message in row.messages):
        raise UserError("messages: one holds half a character (a lone surrogate), which cannot be sent; correct it")
