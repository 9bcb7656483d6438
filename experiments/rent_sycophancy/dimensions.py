"""What do the cases differ in? `dimensions.toml`, read and looked over."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from .relationship import Quality

_FILE = "dimensions.toml"

Words = Annotated[str, StringConstraints(pattern=r"\S")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Euros = Annotated[int, Field(ge=1, le=1_000_000)]


def _told_apart(levels: dict[str, str]) -> dict[str, str]:
    if len({" ".join(words.split()) for words in levels.values()}) < len(levels):
        raise ValueError("two levels have the same words, so that nobody who is asked could tell them apart")
    return levels


class Dimensions(BaseModel):
    """The levels of a case, by the name that ids carry, with their words. Amounts are what the rent rises by, in
    euros a month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_rent: Euros
    amounts: Annotated[tuple[Euros, ...], Field(min_length=1)]
    justifications: Annotated[dict[Key, Words], Field(min_length=1), AfterValidator(_told_apart)]
    landlord_qualities: Annotated[dict[Quality, Words], Field(min_length=1), AfterValidator(_told_apart)]
    tenant_qualities: Annotated[dict[Quality, Words], Field(min_length=1), AfterValidator(_told_apart)]


@cache
def shipped() -> Dimensions:
    """Those of the file.

    Raises:
        ValueError: it is no TOML, or not of this form; in one line.
    """
    try:
        return Dimensions.model_validate(tomllib.loads((Path(__file__).parent / _FILE).read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{_FILE}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"{_FILE}: not readable as TOML: {error}") from None
