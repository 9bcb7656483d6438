"""What would a model fill into a JSON schema? Pure and seeded: a valid instance of plausible values.

Knows the keywords that pydantic and hand-written tools use; not `pattern`, `not` or `if`.
"""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

DEEPEST = 5
"""Beyond this nesting a recursive schema is filled with its smallest instance."""
_WORDS = (
    "the", "answer", "keeps", "to", "facts", "and", "says", "plainly", "what", "is", "known", "so", "far",
)  # fmt: skip
_FORMATS = {
    "date": "2026-11-20",
    "date-time": "2026-11-20T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
}

TextFor = Callable[[str, Random], str]
"""Words for the member of this name."""
Schema = Mapping[str, Any]


def plain_text(name: str, rng: Random) -> str:
    """A short sentence."""
    words = rng.sample(_WORDS, 8)
    return " ".join(words).capitalize() + "."


def instance(schema: Schema, rng: Random, text_for: TextFor = plain_text) -> Any:
    """A value that meets `schema`; strings come from `text_for`."""
    return _Filler(schema, rng, text_for).value(schema, "", 0)


class _Filler:
    def __init__(self, root: Schema, rng: Random, text_for: TextFor) -> None:
        self._root = root
        self._rng = rng
        self._text_for = text_for

    def value(self, schema: Schema, name: str, depth: int) -> Any:
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(list(schema["enum"]))
        return self._of_kind(self._kind(schema), schema, name, depth)

    def _of_kind(self, kind: str, schema: Schema, name: str, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._string(schema, name)
            case "integer":
                low, high = self._bounds(schema, whole=True)
                return self._rng.randint(math.ceil(low), math.floor(high))
            case "number":
                low, high = self._bounds(schema, whole=False)
                return min(max(low, round(self._rng.uniform(low, high), 3)), high)
            case "boolean":
                return self._rng.random() < 0.5
        return None

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """Follow references and pick one of the alternatives; null only where nothing else fits."""
        while True:
            if "$ref" in schema:
                target: Any = self._root
                for part in str(schema["$ref"]).removeprefix("#").split("/")[1:]:
                    target = target[part.replace("~1", "/").replace("~0", "~")]
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                solid = [option for option in options if option.get("type") != "null"]
                nulls = [option for option in options if option.get("type") == "null"]
                schema = nulls[0] if nulls and depth > DEEPEST else self._rng.choice(solid or nulls)
            elif parts := schema.get("allOf"):
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    merged |= self._resolved(part, depth)
                schema = merged
            else:
                return schema

    @staticmethod
    def _kind(schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return next((one for one in kind if one != "null"), "null")
        if isinstance(kind, str):
            return kind
        return "object" if "properties" in schema else "array" if "items" in schema else "string"

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            name: self.value(member, name, depth + 1)
            for name, member in schema.get("properties", {}).items()
            if name in required or (depth < DEEPEST and self._rng.random() < 0.9)
        }

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.value(item, name, depth + 1) for item in schema["prefixItems"]]
        least = int(schema.get("minItems", 0))
        usual = least if depth >= DEEPEST else max(least, self._rng.randint(1, 3))
        length = min(usual, int(schema.get("maxItems", usual)))
        return [self.value(schema.get("items") or {}, name, depth + 1) for _ in range(length)]

    def _string(self, schema: Schema, name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = self._text_for(name, self._rng)
        text = text.ljust(int(schema.get("minLength", 0)), ".")
        return text[: int(schema.get("maxLength", len(text)))]

    @staticmethod
    def _bounds(schema: Schema, *, whole: bool) -> tuple[float, float]:
        """Inclusive; five apart where the schema leaves one end open."""
        step = 1.0 if whole else 1e-3
        low, high = schema.get("minimum"), schema.get("maximum")
        if "exclusiveMinimum" in schema:
            low = schema["exclusiveMinimum"] + step
        if "exclusiveMaximum" in schema:
            high = schema["exclusiveMaximum"] - step
        if low is None:
            low = 0 if high is None else min(0, high - 5)
        return low, low + 5 if high is None else high
