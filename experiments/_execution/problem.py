"""What is one test case? Two programs that differ in one place, one call, and what each of them returns."""

from typing import Literal

from trialbed import Scenario

from .values import Value, literal, same

Program = Literal["original", "mutated"]
PROGRAMS: tuple[Program, Program] = ("original", "mutated")


class Case(Scenario):
    """One call of a problem's programs. Its id is `question/row`, so that rows of one question are one cluster.

    `call` is the call's source text; `output` and `mutated_output` are Python literals as text. Without a mutant the
    latter two are null.
    """

    question_id: str
    row: str
    function_name: str
    code: str
    call: str
    output: str
    mutated_code: str | None = None
    mutated_output: str | None = None
    difficulty: str | None = None
    mutation_type: str | None = None

    def program(self, which: Program) -> str:
        """The source text of one of the two.

        Raises:
            ValueError: there is no mutant.
        """
        return self.code if which == "original" else _there(self.mutated_code, self.id)

    def value(self, which: Program) -> Value:
        """What it returns.

        Raises:
            ValueError: there is no mutant.
        """
        return literal(self.output if which == "original" else _there(self.mutated_output, self.id))

    @property
    def is_boolean(self) -> bool:
        """Whether one of the outputs is True or False: then a wrong answer is the other program's by half chance."""
        return any(type(self.value(which)) is bool for which in PROGRAMS if which == "original" or self.has_mutant)

    @property
    def has_mutant(self) -> bool:
        return self.mutated_code is not None and self.mutated_output is not None

    @property
    def tells_apart(self) -> bool:
        """Whether an answer can be the other program's: there is a mutant, and it returns something else."""
        return self.has_mutant and not same(self.value("original"), self.value("mutated"))

    @property
    def counts_for_reversion(self) -> bool:
        """The rule by which a wrong answer may count as reverted: the outputs differ, and none is a boolean."""
        return self.tells_apart and not self.is_boolean

    def described(self) -> dict[str, str | None]:
        """What names it in a file of results; its programs are in the data set."""
        return {
            "id": self.row,
            "scenario": self.id,
            "question_id": self.question_id,
            "function_name": self.function_name,
            "call": self.call,
            "difficulty": self.difficulty,
            "mutation_type": self.mutation_type,
        }


def other(which: Program) -> Program:
    return "mutated" if which == "original" else "original"


def _there(text: str | None, where: str) -> str:
    if text is None:
        raise ValueError(f"{where} has no mutant")
    return text
