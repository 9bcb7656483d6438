"""How is an answer's form told in words? Pure: one line per field, options in the schema's order."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trialbed.judging.options import MEANINGS
from trialbed.judging.schema import is_scale


def outline(schema: Mapping[str, Any]) -> str:
    """The fields of an object schema as an indented list."""
    return "\n".join(_fields(schema, 0))


def _fields(schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        yield from _field(name, member, depth)


def _field(name: str, schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    described = f": {schema['description']}" if "description" in schema else ""
    yield f"{indent}- {name} ({_kind(schema)}){described}"
    meanings = schema.get(MEANINGS, {})
    for option in () if _is_scale(schema) else schema.get("enum", ()):
        meaning = meanings.get(option)
        yield f"{indent}  - {json.dumps(option)}" + (f": {meaning}" if meaning else "")
    for inner in (schema, schema.get("items")):
        if isinstance(inner, Mapping):
            yield from _fields(inner, depth + 1)


def _kind(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if _is_scale(schema):
        return f"one of {', '.join(json.dumps(option) for option in schema['enum'])}"
    if "enum" in schema:
        return "exactly one of the options below, which are in no particular order"
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            return f"a list; each entry {_kind(items)}" if isinstance(items, Mapping) else "a list"
        case "object":
            return "an object of the fields below" if "properties" in schema else "an object"
        case "number" | "integer" as kind:
            return f"{kind}{_bounds(schema)}"
        case "boolean":
            return "true or false"
        case "string":
            return "text"
        case "null":
            return "null"
    return "any JSON value"


def _is_scale(schema: Mapping[str, Any]) -> bool:
    return "enum" in schema and is_scale(schema["enum"])


def _bounds(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    said = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f" {' and '.join(said)}" if said else ""
