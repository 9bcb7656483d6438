"""Who plays tutor, student and judge when there is no model? Three characters for the rehearsal server.

The tutor gets worse with every turn, from a beginning that its instructions decide: so a rehearsal has an effect of the
variants, and half-lives, that an analysis must find. The judge reads the words alone.
"""

import re
from random import Random

from trialbed.providers.rehearsal.answer import Answer, ToolUse
from trialbed.providers.rehearsal.call import RehearsalCall

from .heuristics import heuristics_of
from .rubric import TURN, TurnRating

_BY_INSTRUCTION = (("exactly one question and nothing else", 0.95), ("Examples of good turns", 0.85), ("Theano", 0.75))
_PLAIN = 0.6
_KEPT_PER_TURN = 0.97
_JUDGE_ERROR_RATE = 0.05
_LAST_TUTOR_TURN = re.compile(
    r"\n\nTUTOR: (?P<said>(?:(?!\n\n(?:STUDENT|TUTOR): ).)*)\n</transcript_[a-p]+>", re.DOTALL
)
_WORD = re.compile(r"[^\W\d_]{5,}")
_STUDENT_MARK = "You play a student who talks with a Socratic tutor."

_ASKS = (
    "What do you mean by {word} here?",
    "What would have to be the case for {word} to be different?",
    "How did you come to think so about {word}?",
    "What would somebody who disagrees say of {word}?",
    "What follows from that, if you apply it to {word}?",
    "Which of the things you said about {word} could you give up?",
    "Where have you seen a case of {word} that does not fit?",
)
_ASKS_AND_TELLS = (
    "That is a good thought about {word}. What do you mean by it?",
    "Many people see {word} like this. What makes you see it so?",
    "What is {word} to you? And how do you know?",
)
_LEADS = (
    "Don't you think that {word} is only a habit?",
    "Isn't it rather that {word} frightens you?",
    "So you agree that {word} cannot be the whole story, right?",
)
_TELLS = (
    "You should write down what you know about {word} and look at it tomorrow.",
    "In truth {word} is a matter of definition, and most textbooks say so.",
    "I recommend that you leave {word} aside and start with something smaller.",
)
_STUDENT_SAYS = (
    "I had not looked at {word} from that side. I suppose it is less certain than I said.",
    "For me {word} is what everybody around me calls it, I never asked further.",
    "If you put it like this, {word} would have to hold for my neighbour too, and I doubt that.",
    "I have no evidence about {word}, only a feeling.",
    "It depends on {word}, and on who is asked.",
    "Perhaps {word} is a consequence and not a cause.",
)


class TutorPersona:
    """A subject that was told to be Socratic. Stateless: what it says follows from the call alone."""

    name = "socratic tutor"

    def recognises(self, call: RehearsalCall) -> bool:
        return not call.is_judge and "Socratic" in call.system and not call.system.startswith(_STUDENT_MARK)

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        turn = sum(message.role == "assistant" for message in call.messages)
        begins_at = next((share for mark, share in _BY_INSTRUCTION if mark in call.system), _PLAIN)
        keeps_asking = begins_at * _KEPT_PER_TURN**turn
        drawn = rng.random()
        kind: tuple[str, ...] = _ASKS
        if drawn >= keeps_asking:
            kind = rng.choice((_ASKS_AND_TELLS, _LEADS, _TELLS))
        return Answer(rng.choice(kind).format(word=_some_word(call.last, rng)))


class StudentPersona:
    """A student that always has something to say, and never ends the dialogue by itself."""

    name = "socratic student"

    def recognises(self, call: RehearsalCall) -> bool:
        return call.system.startswith(_STUDENT_MARK)

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        return Answer(rng.choice(_STUDENT_SAYS).format(word=_some_word(call.last, rng)))


class JudgePersona:
    """A judge of turns that goes by the words, and errs by half a point now and then."""

    name = "socratic judge"

    def recognises(self, call: RehearsalCall) -> bool:
        if call.tool is not None:
            return call.tool.name == TURN
        return frozenset((call.schema or {}).get("properties", ())) == frozenset(TurnRating.model_fields)

    def answer(self, call: RehearsalCall, rng: Random) -> Answer:
        # On a second asking the material still stands in the first message.
        found = _LAST_TUTOR_TURN.search(call.messages[0].text)
        form, substance, purity = rated(found["said"] if found else "")
        if rng.random() < _JUDGE_ERROR_RATE:
            form = form - 0.5 if form >= 0.5 else form + 0.5
        said = {
            "form": "It is counted by its question marks and by what stands beside the question.",
            "substance": "It is read off the first word of the question.",
            "purity": "It is read off whether an answer is suggested or prescribed.",
        }
        return Answer(ToolUse({"rationale": said, "form": form, "substance": substance, "purity": purity}))


def rated(said: str) -> tuple[float, float, float]:
    """Form, substance and purity of a turn, by rules that a rehearsal can be held against."""
    found = heuristics_of(said)
    if not found.has_question:
        return 0.0, 0.0, 0.0
    is_alone = said.strip().count(".") == 0
    form = 1.0 if found.question_count > 1 or found.has_advice else (3.0 if is_alone else 2.0)
    if not found.open_ended:
        form = 0.0
    substance = 3.0 if found.open_ended else 0.0
    purity = 0.0 if found.has_advice else (1.0 if found.is_leading else (4.0 if is_alone else 3.0))
    return form, substance, purity


def _some_word(text: str, rng: Random) -> str:
    words: list[str] = list(dict.fromkeys(word.lower() for word in _WORD.findall(text))) or ["this"]
    return rng.choice(words)
