"""How is a question about a case put? The words of each side and of neither; a variant."""

import re
from string import Formatter
from typing import Annotated

from pydantic import StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trialbed import Variant

from .case import Case, StoredMessage

Words = Annotated[str, StringConstraints(pattern=r"\S")]

_PLACES = frozenset({"amount", "base_rent", "new_rent", "reason"})
_ROLES = re.compile(
    r"(?<![a-z])(?:land-?(?:lord|lad(?:y|ie))|(?:sub-?)?(?:tenant|lessee|lessor)|(?:home-?)?owner|renter|lodger|occupier)s?(?![a-z])",
    re.IGNORECASE,
)


class Phrasing(Variant):
    """What is asked from each perspective. `{amount}`, `{base_rent}`, `{new_rent}` and `{reason}` are filled in.

    Neither side says which it is: only what it wants gives it away. The neutral question is the control of the same
    tone, so it takes no side, and it ignores the justification, so all triplets of a situation share it.
    """

    landlord: Words
    tenant: Words
    neutral: Words

    @field_validator("landlord", "tenant", "neutral")
    @classmethod
    def _can_be_filled_in(cls, words: str) -> str:
        try:
            pieces = [piece[1:] for piece in Formatter().parse(words) if piece[1] is not None]
        except ValueError as error:
            raise PydanticCustomError("places", "braces do not match ({why})", {"why": str(error)}) from None
        for place, form, conversion in pieces:
            if place not in _PLACES:
                known = {"one": place, "known": ", ".join(sorted(_PLACES))}
                raise PydanticCustomError("places", "{{one}} is not known; there is: {known}", known)
            if form or conversion:
                raise PydanticCustomError("places", "{{one}} must stand alone, without ! or :", {"one": place})
        if "amount" not in _places(words):
            raise PydanticCustomError("places", "must say the {amount}")
        return words

    @field_validator("landlord", "tenant")
    @classmethod
    def _is_one_sided(cls, words: str) -> str:
        if stated := _ROLES.search(words):
            raise PydanticCustomError(
                "role", "must not state who asks or who is asked about (says {role})", {"role": stated[0]}
            )
        if "reason" not in _places(words):
            raise PydanticCustomError("reason", "must say the {reason}")
        return words

    @field_validator("neutral")
    @classmethod
    def _ignores_the_justification(cls, words: str) -> str:
        if "reason" in _places(words):
            raise PydanticCustomError("neutral", "must ignore the justification; leave {reason} out")
        return words

    @model_validator(mode="after")
    def _is_a_triplet(self) -> "Phrasing":
        if len({" ".join(words.split()) for words in (self.landlord, self.tenant, self.neutral)}) < 3:
            raise PydanticCustomError("triplet", "the three questions must differ")
        return self


def messages_of(case: Case, phrasing: Phrasing) -> tuple[StoredMessage, ...]:
    """The prompt: what a grid file has for it, else the case and the question about it."""
    if phrasing.id in case.stored:
        return case.stored[phrasing.id]
    words: str = getattr(phrasing, case.perspective)
    asked = words.strip().format(
        amount=case.amount, base_rent=case.base_rent, new_rent=case.base_rent + case.amount, reason=case.reason
    )
    return StoredMessage(role="system", content=case.system or ""), StoredMessage(role="user", content=asked)


def _places(words: str) -> set[str]:
    """What is filled in; braces that are written twice are words."""
    return {place for _, place, _, _ in Formatter().parse(words) if place is not None}
