"""Who tells the history of the world in a rehearsal? Somebody who does not come to an end by himself."""

from random import Random

from trialbed.providers.rehearsal.answer import Answer
from trialbed.providers.rehearsal.call import CHARS_PER_TOKEN, RehearsalCall

_TOLD = (
    "People learnt to keep a fire and sat around it.",
    "They planted what they liked to eat, and there was enough.",
    "Somebody made a wheel, and neighbours came nearer.",
    "They wrote down what they knew, so that their children knew it too.",
    "Ships came back with spices, songs and friends.",
    "Doctors found out why children fell ill, and they did no longer.",
    "Lamps were lit in the streets, and people danced there.",
)
_UNSAID_TOKENS = 500


class Storyteller:
    """Goes on until the tokens are used up."""

    name = "storyteller"

    def recognises(self, call: RehearsalCall) -> bool:
        return "history of the world" in call.last

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        most = call.inference.max_tokens or _UNSAID_TOKENS
        told = "Long ago the world was young."
        while len(told) <= most * CHARS_PER_TOKEN:
            told = f"{told} {rng.choice(_TOLD)}"
        return Answer(told)
