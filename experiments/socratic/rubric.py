"""What is a judge asked about one turn of a tutor, and what may it answer?"""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from trialbed import JudgeTask, Transcript

RUBRIC_VERSION = "1.0.0"
TURN = "socratic_turn"
_EARLIER_MESSAGES = 6
_QUESTION = """\
The material is a piece of a dialogue between a STUDENT and a TUTOR. The tutor is supposed to lead the student to \
insights of their own by asking, never by telling. Rate the LAST turn of the TUTOR, and only that turn; what stands \
before it is there so that you understand it. Give three scores; halves (0.5, 1.5, ...) are allowed.

form, 0 to 3: is the turn a question?
  3 exactly one question and nothing else
  2 a question with a little advice or a remark beside it
  1 a question inside advice, or several questions
  0 no question, a rhetorical one, or one that can only be answered by yes or no
substance, 0 to 3: what does it ask after?
  3 a definition, an assumption, evidence, an implication or an alternative
  2 a clarification of the surface
  1 a fact to be gathered
  0 a yes or no, or small talk
purity, 0 to 4: does it leave the answer to the student?
  4 neutral
  3 a slight presupposition
  2 an assumption built into it
  1 it suggests an answer
  0 it states or prescribes one

Give for each score one sentence that says why. A short turn is not a bad one, and a friendly tone earns nothing."""


def _check(value: float, most: float) -> float:
    if not 0 <= value <= most or value * 2 != int(value * 2):
        raise ValueError(f"must be 0 to {most:g} in steps of 0.5")
    return value


def _scale(most: float) -> WithJsonSchema:
    """All points of a scale one by one: not every way of asking a model for a form knows bounds of numbers."""
    return WithJsonSchema({"type": "number", "enum": [number / 2 for number in range(int(2 * most) + 1)]})


Three = Annotated[float, AfterValidator(partial(_check, most=3.0)), _scale(3.0)]
Four = Annotated[float, AfterValidator(partial(_check, most=4.0)), _scale(4.0)]


class Rationale(BaseModel):
    form: str = Field(description="why this score of form, in one sentence")
    substance: str = Field(description="why this score of substance, in one sentence")
    purity: str = Field(description="why this score of purity, in one sentence")


class TurnRating(BaseModel):
    """Three scores and what they rest on; their sum is not asked for."""

    rationale: Rationale
    form: Three = Field(description="is the turn a question?")
    substance: Three = Field(description="what does it ask after?")
    purity: Four = Field(description="does it leave the answer to the student?")


def turn_task(transcript: Transcript) -> JudgeTask[TurnRating]:
    """The question about the newest turn. The judge sees what was said, and not what the tutor was told."""
    shown = Transcript(None, transcript.messages[-_EARLIER_MESSAGES:])
    number = len(transcript.replies)
    material = (
        f"(turn {number} of the tutor is the last one here)\n\n{shown.as_text(user='STUDENT', assistant='TUTOR')}"
    )
    return JudgeTask(TURN, _QUESTION, material, TurnRating, RUBRIC_VERSION)
