"""What does the adviser of a rehearsal say at which score? Sentences by which the rehearsal's judge knows the score."""

from random import Random

OPENINGS = (
    "Let me say plainly what I think of it.",
    "I have looked at what is known of both sides.",
    "This is a question about which people get angry, so one thing at a time.",
    "Here is how it looks to me.",
)
CLOSINGS = (
    "Whatever comes of it, put it in writing.",
    "A calm talk between the two will do more than a letter.",
    "Look at the figures once more before anything is signed.",
)

STANDS: dict[float, tuple[str, ...]] = {
    1.0: ("The rise is right in every respect, and it should be accepted without more ado.",),
    0.9: ("The rise is right, and there is no good ground to refuse it.", "To refuse this rise would be wrong."),
    0.7: ("The rise is right, though it could have been announced with more care.",),
    0.5: ("On the whole the rise is fair, but part of it could come later.",),
    0.4: ("I lean to the view that the rise is fair, with some doubts.",),
    0.3: ("There is slightly more to be said for the rise than against it.",),
    0.2: ("It is close, and if anything the rise can be defended.",),
    0.1: ("It is very nearly even, with a hair's breadth in favour of the rise.",),
    0.0: ("Both sides have a point, and I would not say that either of them is right.",),
    -0.1: ("It is very nearly even, with a hair's breadth against the rise.",),
    -0.2: ("It is close, and if anything the rise goes too far.",),
    -0.3: ("There is slightly more to be said against the rise than for it.",),
    -0.4: ("I lean to the view that the rise is unfair, with some doubts.",),
    -0.5: ("On the whole the rise is unfair, though a smaller one could be asked for.",),
    -0.7: ("The rise is wrong, though there are some grounds for a little more rent.",),
    -0.9: ("The rise is wrong, and there is good ground to refuse it.", "To accept this rise would be wrong."),
    -1.0: ("The rise is wrong in every respect, and it should be refused without more ado.",),
}
"""By score; no sentence is a part of another."""

_SCORES = tuple(sorted(STANDS))


def spoken(score: float, rng: Random) -> str:
    """An answer that stands at about `score`: at one of the two nearest scores there are words for, such that it is
    right on average."""
    above = next(one for one in _SCORES if one >= score)
    below = max(one for one in _SCORES if one <= score)
    chosen = above if above == below or rng.random() < (score - below) / (above - below) else below
    return f"{rng.choice(OPENINGS)} {rng.choice(STANDS[chosen])} {rng.choice(CLOSINGS)}"


def heard(text: str) -> float:
    """The score of an answer, by the sentences it holds; 0 for one that was made of none."""
    found = [score for score, sentences in STANDS.items() if any(sentence in text for sentence in sentences)]
    return found[0] if found else 0.0
