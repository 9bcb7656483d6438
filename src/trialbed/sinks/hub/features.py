"""What type has each column of a record? Pure: read off the record's own class, once.

Readers that guess types from the first rows fail on the first null, empty list or whole-numbered float.
"""

from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from trialbed.core.record import FREE_FORM, Record

Feature = str | list[Any] | dict[str, Any]
"""A scalar's dtype, a list of one feature, or a struct."""

JSON = "json"
_SCALARS = {bool: "bool", int: "int64", float: "float64", str: "string"}
_PYTHON: dict[str, type | tuple[type, ...]] = {"bool": bool, "int64": int, "float64": (int, float), "string": str}


@cache
def record_features() -> dict[str, Feature]:
    """The columns of a record in their order, under their published names."""
    columns = _struct(Record)
    return {name: JSON if name in FREE_FORM else feature for name, feature in columns.items()}


def as_yaml(columns: dict[str, Feature]) -> list[dict[str, Any]]:
    """The same as `dataset_info.features` of a dataset card."""
    return [{"name": name, **_yaml_of(feature)} for name, feature in columns.items()]


def fits(value: Any, feature: Feature) -> bool:
    """Whether a value can be read as this feature. Null fits everything."""
    if value is None or feature == JSON:
        return True
    if isinstance(feature, list):
        return isinstance(value, list) and all(fits(item, feature[0]) for item in value)
    if isinstance(feature, dict):
        return (
            isinstance(value, dict)
            and value.keys() <= feature.keys()
            and all(fits(item, feature[name]) for name, item in value.items())
        )
    return isinstance(value, _PYTHON[feature]) and (feature == "bool" or not isinstance(value, bool))


def widened(columns: dict[str, Feature], row: dict[str, Any]) -> dict[str, Feature]:
    """`columns`, with those that do not fit a foreign row, or are missing, taken as JSON."""
    misfits = {name: JSON for name, value in row.items() if name not in columns or not fits(value, columns[name])}
    return {**columns, **misfits} if misfits else columns


def _struct(model: type[BaseModel]) -> dict[str, Any]:
    return {info.serialization_alias or name: _feature_of(info.annotation) for name, info in model.model_fields.items()}


def _feature_of(annotation: Any) -> Feature:
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not NoneType)
    if get_origin(annotation) is list:
        return [_feature_of(get_args(annotation)[0])]
    if get_origin(annotation) is dict:
        return JSON
    if issubclass(annotation, BaseModel):
        return _struct(annotation)
    if issubclass(annotation, Enum):
        return "string"
    return _SCALARS[annotation]


def _yaml_of(feature: Feature) -> dict[str, Any]:
    if isinstance(feature, str):
        return {"dtype": feature}
    if isinstance(feature, dict):
        return {"struct": as_yaml(feature)}
    inner = feature[0]
    if isinstance(inner, str):
        return {"list": inner}
    return {"list": as_yaml(inner)} if isinstance(inner, dict) else {"list": _yaml_of(inner)}
