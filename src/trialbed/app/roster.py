"""Which models does a roster file name, and how many calls may each have in flight?

A JSON list of models, in the order in which they are to be run, or an object with such a list under "models":

    [{"id": "llama-3.3-70b-versatile", "label": "Llama 3.3", "provider": "groq", "concurrency": 4}]

`label` may be left out. Settings name such a file where they name models: SUBJECT_MODELS=data/models.json.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.providers.names import ALIASES, KNOWN, parse_models

_KEYS = frozenset({"id", "label", "provider", "concurrency"})
_SUFFIX = ".json"


@dataclass(frozen=True)
class Roster:
    """Models in their order, each once; of each its label and, if a file gives it, its most calls in flight."""

    models: tuple[ModelName, ...]
    labels: Mapping[ModelName, str] = field(default_factory=dict)
    ceilings: Mapping[ModelName, int] = field(default_factory=dict)


def named_models(text: str, root: Path) -> Roster:
    """The models that a setting names: a comma-separated list, or, ending in `.json`, a roster file under `root`.

    Raises:
        UserError: an entry names only a provider, or the file cannot be read.
    """
    return roster_in(text, root) if is_roster(text) else Roster(parse_models(text))


def is_roster(text: str) -> bool:
    """Whether a setting names a roster file, by how it ends."""
    return text.strip().lower().endswith(_SUFFIX)


def roster_in(text: str, root: Path) -> Roster:
    """The roster file that a setting names, under `root`.

    Raises:
        UserError: it cannot be read, or is not of this form.
    """
    return read_roster(root / Path(text.strip()).expanduser())


def read_roster(path: Path) -> Roster:
    """The models of a roster file. Of a model that it names twice the first entry counts.

    Raises:
        UserError: it cannot be read, or is not of this form; one line for each thing that is wrong.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a roster of models that is there") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: is no JSON; write a list of models with id, provider and concurrency") from None
    entries = given.get("models") if isinstance(given, dict) else given
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: holds no list of models; write a list, or an object with one under 'models'")
    problems = [
        f"{path}: {_which(number, entry)}: {said}"
        for number, entry in enumerate(entries, 1)
        if (said := _problem(entry))
    ]
    if problems:
        raise UserError("\n".join(problems))
    return _roster(entries)


def _roster(entries: list[dict[str, Any]]) -> Roster:
    labels: dict[ModelName, str] = {}
    ceilings: dict[ModelName, int] = {}
    for entry in entries:
        name = ModelName(_provider(entry["provider"]), entry["id"].strip())
        if name not in ceilings:
            labels[name] = entry.get("label") or entry["id"].strip()
            ceilings[name] = entry["concurrency"]
    return Roster(tuple(ceilings), labels, ceilings)


def _which(number: int, entry: Any) -> str:
    found = entry.get("id") if isinstance(entry, dict) else None
    return found if isinstance(found, str) and found.strip() else f"model {number}"


def _problem(entry: Any) -> str | None:
    """What is wrong with an entry, and what to do."""
    if not isinstance(entry, dict):
        return "is no object; write one with id, provider and concurrency"
    if unknown := sorted(entry.keys() - _KEYS):
        return f"{unknown[0]} is not known; there is: {', '.join(sorted(_KEYS))}"
    if not isinstance(entry.get("id"), str) or not entry["id"].strip():
        return "id: must be the provider's name of the model; write it"
    if not isinstance(entry.get("provider"), str) or _provider(entry["provider"]) not in KNOWN:
        return f"provider: {entry.get('provider')!r} is not known; there is: {', '.join(sorted(KNOWN))}"
    if not isinstance(entry.get("label"), str | None):
        return "label: must be a text; correct it, or leave it out"
    concurrency = entry.get("concurrency")
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
        return "concurrency: must be given, as a whole number of calls in flight, 1 or more; write e.g. 4"
    return None


def _provider(given: str) -> str:
    key = given.strip().lower()
    return ALIASES.get(key, key)
