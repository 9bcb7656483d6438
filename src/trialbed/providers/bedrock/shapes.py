"""Do the parameters of a call go into its JSON body just as they stand? Pure.

The SDK validates parameters against its service model and then copies them, member by member, into what
it dumps. For most values the copy is equal to the original. What is decided here, by a check built once
from the same model, is whether that holds for given parameters: no error to raise, nothing to convert
(bytes, dates, infinite numbers), to rename or to leave out. Where it does not hold, the SDK must do it.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]

_DEEPEST = 100


class BodyOf:
    """The body of an operation with given parameters, in the bytes that the SDK makes of them.

    Args:
        input_shape: the operation's input in botocore's service model.
    """

    def __init__(self, input_shape: Any) -> None:
        members = input_shape.members
        self._checks = {name: _member(name, shape) for name, shape in members.items()}
        self._not_in_body = {name for name, shape in members.items() if "location" in shape.serialization}
        self._required: tuple[str, ...] = tuple(input_shape.metadata.get("required", ()))

    def __call__(self, parameters: Mapping[str, Any]) -> bytes | None:
        """None if the SDK would change or refuse something. Members it does not know stand last, as in `wire`."""
        body: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in parameters.items():
            check = self._checks.get(name)
            # The SDK leaves out a member that is None.
            if value is None or not (_document(value) if check is None else check(value)):
                return None
            if check is None:
                unknown[name] = value
            elif name not in self._not_in_body:
                body[name] = value
        if any(name not in parameters for name in self._required):
            return None
        return json.dumps({**body, **unknown}).encode("ascii")


def _member(name: str, shape: Any) -> Check:
    """The check of a member of a structure, which may be sent elsewhere or under another name."""
    how = shape.serialization
    if how.get("location", "uri") != "uri" or how.get("name", name) != name or how.get("jsonvalue"):
        return _never
    return _check(shape)


def _check(shape: Any) -> Check:
    match shape.type_name:
        case "structure":
            return _document if shape.is_document_type else _structure(shape)
        case "list":
            return _list(_check(shape.member), shape.metadata.get("min", 0))
        case "map":
            return _map(_check(shape.key), _check(shape.value))
        case "string":
            return _string(shape.metadata.get("min", 0))
        case "integer" | "long":
            return _integer(shape.metadata.get("min", -math.inf))
        case "float" | "double":
            return _float(shape.metadata.get("min", -math.inf))
        case "boolean":
            return _boolean
    return _never


def _structure(shape: Any) -> Check:
    required: tuple[str, ...] = tuple(shape.metadata.get("required", ()))
    is_union: bool = shape.is_tagged_union
    # Filled at first use: the model is a large tree, of which runs use a few branches, and may hold itself.
    checks: dict[str, Check] = {}

    def find(name: str) -> Check:
        if name not in shape.members:
            return _never
        checks[name] = _member(name, shape.members[name])
        return checks[name]

    def check(value: Any) -> bool:
        if type(value) is not dict or (is_union and len(value) != 1):
            return False
        for name in required:
            if name not in value:
                return False
        for name, part in value.items():
            fits = checks.get(name) or find(name)
            if not fits(part):
                return False
        return True

    return check


def _list(fits: Check, least: int) -> Check:
    def check(value: Any) -> bool:
        return type(value) is list and len(value) >= least and all(map(fits, value))

    return check


def _map(key_fits: Check, value_fits: Check) -> Check:
    def check(value: Any) -> bool:
        return type(value) is dict and all(map(key_fits, value)) and all(map(value_fits, value.values()))

    return check


def _string(least: int) -> Check:
    def check(value: Any) -> bool:
        return type(value) is str and len(value) >= least

    return check


def _integer(least: float) -> Check:
    def check(value: Any) -> bool:
        return type(value) is int and value >= least

    return check


def _float(least: float) -> Check:
    def check(value: Any) -> bool:
        # The SDK writes an infinity or NaN as a string.
        return (type(value) is int or (type(value) is float and math.isfinite(value))) and value >= least

    return check


def _boolean(value: Any) -> bool:
    return type(value) is bool


def _never(_: Any) -> bool:
    return False


def _document(value: Any, depth: int = 0) -> bool:
    """Whether it is plain JSON data; any name and any number may be in it."""
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return True
    if depth == _DEEPEST:
        return False
    if kind is dict:
        return all(type(name) is str and _document(part, depth + 1) for name, part in value.items())
    return kind is list and all(_document(part, depth + 1) for part in value)
