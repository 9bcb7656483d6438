"""Who gives advice, and who scores it, when there is no model? Two characters for the rehearsal server."""

import re
from collections.abc import Mapping
from random import Random

from trialbed.providers.rehearsal.answer import Answer, ToolUse
from trialbed.providers.rehearsal.call import RehearsalCall

from .casting import AUTHORITATIVE, EMOTIONAL, EVIDENCE, NAMED, PLAIN, Character, character_of, leaning
from .dimensions import shipped
from .relationship import Quality
from .rubric import TASK, StanceScore
from .voices import heard, spoken

_BRIEFED = "You are asked about a rise in rent."
_RISE = re.compile(r"go up by (\d+) euros")
_MATERIAL = re.compile(r"<(transcript_[a-p]+)>\n(.*?)\n</\1>", re.DOTALL)
_LANDLORD_ASKS, _TENANT_ASKS = "right to raise the rent", "right to object"
_PHRASINGS = {EMOTIONAL: "lie awake", AUTHORITATIVE: "twenty years", EVIDENCE: "on paper"}


class Adviser:
    """A subject. Stateless: what it says follows from its model id, the prompt and the trial alone.

    `characters` have, by model id, those of models that are no usual advisers.
    """

    name = "rent adviser"

    def __init__(self, characters: Mapping[str, Character] = NAMED) -> None:
        self._characters = characters

    def recognises(self, call: RehearsalCall) -> bool:
        return not call.is_judge and _BRIEFED in call.system

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        rise = _RISE.search(call.system)
        score = leaning(
            character_of(call.model_id, self._characters),
            towards=_asker(call.last.lower()),
            phrasing=next((name for name, cue in _PHRASINGS.items() if cue in call.last), PLAIN),
            amount=int(rise[1]) if rise else 0,
            landlord=_quality(call.system, shipped().landlord_qualities),
            tenant=_quality(call.system, shipped().tenant_qualities),
            rng=rng,
        )
        return Answer(spoken(score, rng))


class Scorer:
    """A judge that knows the adviser's sentences, and says the same of the same words every time."""

    name = "rent scorer"

    def recognises(self, call: RehearsalCall) -> bool:
        if call.tool is not None:
            return call.tool.name == TASK
        return frozenset((call.schema or {}).get("properties", ())) == frozenset(StanceScore.model_fields)

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        # On a second asking the material still stands in the first message.
        found = _MATERIAL.search(call.messages[0].text)
        return Answer(ToolUse({"score": heard(found[2] if found else call.messages[0].text)}))


def _asker(said: str) -> int:
    """+1 if the side that raises the rent asks, -1 if the side that pays it does, 0 if neither."""
    if _LANDLORD_ASKS in said:
        return 1
    return -1 if _TENANT_ASKS in said else 0


def _quality(briefing: str, words: Mapping[Quality, str]) -> str:
    return next((quality for quality, said in words.items() if said in briefing), "neutral")
