"""Can a model say what a program returns, also when the program is not the one it expects?

Each program of a pair, an original and its mutant with one local change, is shown alone with one call. A wrong answer
that is what the other program returns has reverted: the model read the program it knows, not the one it was shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from trialbed import (
    AnswerUnreadable,
    Chat,
    Experiment,
    Judge,
    Material,
    Measure,
    Scenario,
    Transcript,
    Trial,
    Variant,
    Verdict,
)

from .._execution.assertions import PARSER_VERSION, Unread, assertion_in
from .._execution.effort import Level
from .._execution.material import material_of
from .._execution.problem import Program
from .._execution.prompts import prediction_prompt
from .._execution.shipped import cases
from .metrics import results_of
from .scoring import score


class Shown(Variant):
    """Which program of the pair is shown, and how much thinking is asked for, in words."""

    shows: Program
    reasoning: Level
    instruction: str


class ExecutionPrediction(Experiment):
    """One program, one call, one answer."""

    name = "execution_prediction"
    version = "1.0.0"
    variant = Shown
    default_scenarios: ClassVar[tuple[str, ...] | None] = None
    headline = "correct"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure(name="correct", kind="binary", field="correct", title="Predicts what the shown program returns"),
        Measure(name="reverted", kind="binary", field="reverted", title="Predicts what the other program returns"),
    )

    def scenarios(self) -> Sequence[Scenario]:
        return cases()

    def of_rows(self, rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str) -> Material:
        return material_of(rows, wanted, where=where)

    async def converse(self, trial: Trial, chat: Chat) -> None:
        program = trial.scenario.program(trial.variant.shows)
        await chat.ask(prediction_prompt(program, trial.scenario.call, trial.variant.instruction))

    async def judge(self, trial: Trial, transcript: Transcript, judges: Sequence[Judge]) -> Sequence[Verdict]:
        """What the answer asserts, against what both programs return.

        Raises:
            AnswerUnreadable: it asserts nothing.
        """
        try:
            said = assertion_in(transcript.last, trial.scenario.call)
        except Unread as error:
            raise AnswerUnreadable(str(error)) from None
        values = score(trial.scenario, trial.variant.shows, said.value)
        return [Verdict("prediction", {**values, "reasoning": trial.variant.reasoning}, rubric_version=PARSER_VERSION)]

    def results(
        self, scenarios: Sequence[Any], variants: Sequence[Any], records: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        return results_of(scenarios, variants, records)

    def personas(self) -> Sequence[Any]:
        from .._execution.persona import Predictor  # of no use to a real run

        return [Predictor()]


experiment = ExecutionPrediction()
