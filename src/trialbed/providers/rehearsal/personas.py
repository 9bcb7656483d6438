"""Who answers? The seam by which experiments bring their own characters, and one who always answers."""

import re
from collections.abc import Sequence
from random import Random
from typing import Protocol

from trialbed.providers.rehearsal.answer import Answer, ToolUse
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.quotes import is_quote, sentences
from trialbed.providers.rehearsal.schema_instance import instance, plain_text

_WORD = re.compile(r"[^\W\d_]{4,}")
_CAPITAL = re.compile(r"\bcapital (?:city )?of (?:the )?([a-z]+)(?: ([a-z]+))?", re.IGNORECASE)
_SUM = re.compile(
    r"\b(?:what is|what's|how much is|compute|calculate)\s+(\d{1,6})\s*(\+|plus|-|minus|\*|x|times)\s*(\d{1,6})\b",
    re.IGNORECASE,
)
_CAPITALS = {
    "argentina": "Buenos Aires", "australia": "Canberra", "austria": "Vienna", "belgium": "Brussels",
    "brazil": "Brasília", "canada": "Ottawa", "chile": "Santiago", "china": "Beijing", "denmark": "Copenhagen",
    "egypt": "Cairo", "england": "London", "finland": "Helsinki", "france": "Paris", "germany": "Berlin",
    "greece": "Athens", "hungary": "Budapest", "india": "New Delhi", "indonesia": "Jakarta", "ireland": "Dublin",
    "italy": "Rome", "japan": "Tokyo", "kenya": "Nairobi", "mexico": "Mexico City", "netherlands": "Amsterdam",
    "new zealand": "Wellington", "norway": "Oslo", "peru": "Lima", "poland": "Warsaw", "portugal": "Lisbon",
    "south korea": "Seoul", "spain": "Madrid", "sweden": "Stockholm", "switzerland": "Bern", "turkey": "Ankara",
    "united kingdom": "London", "united states": "Washington, D.C.",
}  # fmt: skip
_OPENINGS = ("I would say that", "As far as I can tell,", "In short,", "It seems to me that", "On balance,")
_LINKS = ("depends on", "comes down to", "is closely tied to", "matters more than", "follows from")
_CLOSINGS = (
    "There may be exceptions that I do not know of.",
    "I hope that this helps you to decide.",
    "A closer look at the details would be worthwhile.",
    "That is the best answer I can give at present.",
)
LOOKS_BACK_CHARS = 500
"""How much of the end of a message the generic persona reads when it looks for the question."""
_KNOWS = 0.95
"""How often a question of knowledge is answered correctly."""


class Persona(Protocol):
    """A character that plays a model. Stateless: the same call and generator give the same answer."""

    name: str

    def recognises(self, call: RehearsalCall) -> bool:
        """Whether this call is addressed to it."""
        ...

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        """What the model says. A structured answer is an `Answer(ToolUse({...}))`, with or without a tool."""
        ...


class GenericPersona:
    """Answers anything: facts it knows, sentences made of the question's words, instances of schemas."""

    name = "generic"

    def recognises(self, call: RehearsalCall) -> bool:
        return True

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        if call.schema is not None and not call.answers_a_tool:
            return Answer(ToolUse(_filled(call, rng)))
        if call.wants_json:
            return Answer(ToolUse({"answer": _sentences(call, rng)}))
        return Answer(_fact(call.last[-LOOKS_BACK_CHARS:], rng) or _sentences(call, rng))


def persona_for(call: RehearsalCall, personas: Sequence[Persona]) -> Persona:
    """The first that recognises the call, or else the generic one."""
    return next((persona for persona in personas if persona.recognises(call)), _GENERIC)


def _filled(call: RehearsalCall, rng: Random) -> object:
    """An instance of the schema of the call in which quotes are words of what is being judged."""
    quotable = sentences(call)

    def text_for(name: str, rng: Random) -> str:
        return rng.choice(quotable) if is_quote(name) and quotable else plain_text(name, rng)

    return instance(call.schema or {}, rng, text_for)


def _fact(question: str, rng: Random) -> str | None:
    """The answer to a question of knowledge, seldom a wrong one."""
    if match := _CAPITAL.search(question):
        one, two = match.group(1).lower(), (match.group(2) or "").lower()
        capital = _CAPITALS.get(f"{one} {two}") or _CAPITALS.get(one)
        if capital is not None:
            return f"{capital if rng.random() < _KNOWS else rng.choice(sorted(set(_CAPITALS.values())))}."
    if match := _SUM.search(question):
        left, sign, right = int(match.group(1)), match.group(2).lower(), int(match.group(3))
        result = left + right if sign in ("+", "plus") else left - right if sign in ("-", "minus") else left * right
        return f"{result if rng.random() < _KNOWS else result + rng.choice((-10, -1, 1, 10))}."
    return None


def _sentences(call: RehearsalCall, rng: Random) -> str:
    """Two to four sentences of at least ten words in all."""
    words = list(dict.fromkeys(_WORD.findall(call.last[-LOOKS_BACK_CHARS:].lower()))) or ["question", "answer"]
    said = []
    for _ in range(rng.randint(1, 3)):
        opening, link = rng.choice(_OPENINGS), rng.choice(_LINKS)
        said.append(f"{opening} the {rng.choice(words)} {link} the {rng.choice(words)}.")
    return " ".join([*said, rng.choice(_CLOSINGS)])


_GENERIC = GenericPersona()
