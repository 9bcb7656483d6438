"""What does the student say? A briefing for a model that plays it, and lines for when no model does."""

import re
from collections.abc import Iterator
from random import Random

from .scenarios import Seminar

END = "[END]"
_END = re.compile(r"\[\s*end\s*\]", re.IGNORECASE)
_BRIEFING = """\
You play a student who talks with a Socratic tutor. Stay this person all the time:
{persona}

You opened the conversation with these words:
{prompt}

Each message you get is the tutor's newest turn. Answer its question honestly from what this person knows and \
believes: one to three plain sentences, no lists, no headings. Do not teach, do not praise the tutor, do not ask for \
the answer more than once. Change your mind only when a question has shown you something. If the tutor asks several \
things, answer the one that matters most to you. When you have understood what you came for, or the tutor has stopped \
asking and only explains, reply with exactly {end} and nothing else."""


def briefing(scenario: Seminar) -> str:
    """What a model that plays the student is told; the opening line stands in it, since it sees only what follows."""
    return _BRIEFING.format(persona=scenario.persona, prompt=scenario.prompt, end=END)


def ends(line: str) -> bool:
    """Whether a student's line says that the dialogue is over."""
    return _END.search(line) is not None


def script_of(scenario: Seminar, seed: int) -> Iterator[str]:
    """The lines after the opening one: the scenario's own in their order, then general ones in an order of the seed.

    No line comes twice; when there are no more, the student has nothing left to say.
    """
    yield from scenario.script
    general = list(_GENERAL)
    Random(f"{seed}:student").shuffle(general)
    yield from general


_GENERAL = (
    "I am not sure. I suppose I have always taken that for granted.",
    "Maybe because everybody I know says so.",
    "If I am honest, I have no evidence for it. It just feels right.",
    "It would mean that I was wrong about something I said before.",
    "I think it depends on the situation, but I could not say how.",
    "When I try to say it in my own words, it gets blurry.",
    "An example would be my own family, I guess.",
    "I can think of one case where it is not so.",
    "That case might be an exception. Or perhaps it is not.",
    "I would have to look at what it costs and what it brings.",
    "What worries me is that I might regret it later.",
    "I believe the opposite could be argued too.",
    "Somebody who disagrees would say that I leave out half of it.",
    "The word I used may be too big for what I mean.",
    "I mean something smaller: what happens in a normal week.",
    "If nothing changed, it would go on like this for years.",
    "I have not compared it with anything yet.",
    "The first reason that comes to mind is fear, to be frank.",
    "I would notice it by being less tired in the evening.",
    "It matters to me because I gave my word once.",
    "I always thought those two things were the same.",
    "They are not the same, now that I have to name both.",
    "I would trust a person who had seen it with their own eyes.",
    "Numbers would convince me more than stories.",
    "I have one number, but I do not know where it comes from.",
    "Then the rule does not hold everywhere.",
    "It would hold if people knew everything, which they do not.",
    "I would treat a friend differently, I admit.",
    "The difference is that I know my friend's reasons.",
    "I could try it on a small scale first.",
    "On a small scale I would look at what goes wrong.",
    "What speaks against it is mostly habit.",
    "Habit is not an argument, I see that.",
    "I would ask the people who are hit by it most.",
    "They would probably describe it quite differently.",
    "From their side it looks less harmless.",
    "So I would have to give up one of my two statements.",
    "I would rather give up the second one.",
    "Because the first one still seems true to me after all this.",
    "It seems I knew less about it than I thought when we began.",
    "I could put it as a question now rather than as an answer.",
    "The question would be what I owe to whom.",
)
