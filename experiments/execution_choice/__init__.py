"""Which of two programs does a model choose to predict, and is it right about the one it chose?

An original and its mutant are shown as A and B, in both orders; the model chooses one and says what it returns.
Comparing the orders tells a preference for a program from one for a letter.
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

from .._execution.assertions import Unread
from .._execution.effort import Level
from .._execution.material import material_of
from .._execution.problem import Program, other
from .._execution.prompts import choice_prompt
from .._execution.reply import PARSER_VERSION, reply_in
from .._execution.shipped import cases
from .metrics import results_of
from .scoring import score


class Order(Variant):
    """Which program stands first, as A, and how much thinking is asked for, in words."""

    first: Program
    reasoning: Level
    instruction: str


class ExecutionChoice(Experiment):
    """Two programs, one call, a choice and an answer."""

    name = "execution_choice"
    version = "1.0.0"
    variant = Order
    default_scenarios: ClassVar[tuple[str, ...] | None] = None
    headline = "chosen"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure(name="chose_original", kind="binary", field="chose_original", title="Chooses the original"),
        Measure(name="chose_a", kind="binary", field="chose_a", title="Chooses the program called A"),
        Measure(name="oc_correct", kind="binary", field="oc_correct", title="Right, having chosen the original"),
        Measure(name="mc_correct", kind="binary", field="mc_correct", title="Right, having chosen the mutant"),
        Measure(name="or_reversion", kind="binary", field="or_reversion", title="Reverted, having chosen the original"),
        Measure(name="mr_reversion", kind="binary", field="mr_reversion", title="Reverted, having chosen the mutant"),
    )

    def scenarios(self) -> Sequence[Scenario]:
        return cases()

    def of_rows(self, rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str) -> Material:
        """A choice needs two programs: rows without a mutant are passed over, whatever is wanted."""
        return material_of(rows, {**wanted, "include_missing_mutations": False}, where=where)

    async def converse(self, trial: Trial, chat: Chat) -> None:
        case, first = trial.scenario, trial.variant.first
        a, b = case.program(first), case.program(other(first))
        await chat.ask(choice_prompt(a, b, case.call, trial.variant.instruction))

    async def judge(self, trial: Trial, transcript: Transcript, judges: Sequence[Judge]) -> Sequence[Verdict]:
        """What was chosen, and whether what was said of it is right.

        Raises:
            AnswerUnreadable: the answer chooses nothing or asserts nothing.
        """
        try:
            reply = reply_in(transcript.last, trial.scenario.call)
        except Unread as error:
            raise AnswerUnreadable(str(error)) from None
        values = score(trial.scenario, trial.variant.first, reply)
        return [Verdict("choice", {**values, "reasoning": trial.variant.reasoning}, rubric_version=PARSER_VERSION)]

    def results(
        self, scenarios: Sequence[Any], variants: Sequence[Any], records: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        return results_of(scenarios, variants, records)

    def personas(self) -> Sequence[Any]:
        from .._execution.persona import Chooser  # of no use to a real run

        return [Chooser()]


experiment = ExecutionChoice()
