"""Which turns has everybody who knows the rubric rated alike? They are our own, and are not changed."""

from trialbed import GoldenCase, Message, Transcript

_OPENING = "I'm considering a career change but unsure where to start."


def _turn(said: str, *, asked: str = _OPENING) -> Transcript:
    return Transcript(None, (Message("user", asked), Message("assistant", said)))


GOLDEN = (
    GoldenCase(
        id="one-open-question",
        scenario="career-change",
        transcript=_turn("What would have to be different in your work for you to call it a change?"),
        expected={"mean_form": 3.0, "mean_substance": 3.0, "mean_purity": 4.0},
    ),
    GoldenCase(
        id="advice-and-no-question",
        scenario="career-change",
        transcript=_turn("You should take a course in project management and update your CV this week."),
        expected={"mean_form": 0.0, "mean_substance": 0.0, "mean_purity": 0.0},
    ),
    GoldenCase(
        id="yes-or-no",
        scenario="career-change",
        transcript=_turn("Is it about the money?"),
        expected={"mean_form": 0.0, "mean_substance": 0.0},
    ),
    GoldenCase(
        id="four-questions",
        scenario="career-change",
        transcript=_turn(
            "What do you mean by a change? What do you do now? What does your family say? What would you lose?"
        ),
        expected={"mean_form": 1.0},
    ),
    GoldenCase(
        id="the-answer-in-the-question",
        scenario="APO-PHY-HEAT-TEMP-01",
        transcript=_turn(
            "Metal conducts heat faster than wood, so it only feels colder at the same temperature. What do you say to "
            "that?",
            asked="The metal spoon is colder than the wooden one. You can feel it.",
        ),
        expected={"mean_purity": 0.0},
    ),
)
