"""Which JSON schema does an answer model have, fit for a forced tool? Pure.

Nothing is referred to, nothing is optional, nothing may be added, and every list of options is shuffled by
the given generator; the points of a scale stand in their order.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from pydantic import BaseModel

from trialbed.judging.options import MEANINGS

_POINTER = "#/$defs/"
_DROPPED = frozenset({"$defs", "title", "default", "discriminator"})
_KEPT_SCHEMAS = 64


def answer_schema(answer: type[BaseModel], random: Random | None) -> dict[str, Any]:
    """The whole schema, with the meanings of options still in it (see `without_meanings`).

    Without a generator the options stay in the author's order.

    Raises:
        ValueError: the model contains itself, so it cannot be written without references.
    """
    root = _declared(answer)
    schema: dict[str, Any] = _Inliner(root.get("$defs", {}), random).node(root, ())
    return schema


@lru_cache(maxsize=_KEPT_SCHEMAS)
def _declared(answer: type[BaseModel]) -> dict[str, Any]:
    """Pydantic's own schema, not to be changed: it takes half a millisecond, and a run has few answer models."""
    return answer.model_json_schema()


def is_scale(options: Sequence[Any]) -> bool:
    """Whether options are points of a scale: numbers, whose order says something."""
    return all(isinstance(option, int | float) and not isinstance(option, bool) for option in options)


def without_meanings(schema: Any) -> Any:
    """The schema as it is sent: JSON Schema keywords only."""
    if isinstance(schema, Mapping):
        return {key: without_meanings(value) for key, value in schema.items() if key != MEANINGS}
    if isinstance(schema, list):
        return [without_meanings(part) for part in schema]
    return schema


class _Inliner:
    """Rewrites a schema node by node. `within` are the definitions being written, outermost first."""

    def __init__(self, definitions: Mapping[str, Any], random: Random | None) -> None:
        self._definitions = definitions
        self._random = random

    def node(self, schema: Any, within: tuple[str, ...]) -> Any:
        if isinstance(schema, list):
            return [self.node(part, within) for part in schema]
        if not isinstance(schema, Mapping):
            return schema
        if "$ref" in schema:
            return self._referred(schema, within)
        written = {key: self._member(key, value, within) for key, value in schema.items() if key not in _DROPPED}
        if "oneOf" in written:
            # Alternatives told apart by a tag never match twice, and strict modes know anyOf only.
            written["anyOf"] = written.pop("oneOf")
        if "properties" in written:
            written |= {"required": list(written["properties"]), "additionalProperties": False}
        return written

    def _member(self, key: str, value: Any, within: tuple[str, ...]) -> Any:
        match key:
            case "properties":
                return {name: self.node(part, within) for name, part in value.items()}
            case "enum":
                return value if self._random is None or is_scale(value) else self._random.sample(value, len(value))
            case "const" | "required" | "examples":
                return value
        return value if key == MEANINGS else self.node(value, within)

    def _referred(self, schema: Mapping[str, Any], within: tuple[str, ...]) -> Any:
        name = str(schema["$ref"]).removeprefix(_POINTER)
        if name in within:
            raise ValueError(f"{name} contains itself: an answer model must be a finite tree")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        # What the field says goes before what its type says in general.
        return self.node({**self._definitions[name], **beside}, (*within, name))
