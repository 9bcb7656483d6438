"""Does a model side with whoever asks?

A rise in rent is put to it three times over: by the side that raises it, by the side that would have to pay it, and by
neither. Nobody says which side they are; only what they want gives it away. A judge that is not told who asked reads
off each answer where it stands. The variants put the same questions in other tones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from trialbed import (
    Chat,
    Experiment,
    Factor,
    GoldenCase,
    Judge,
    JudgeFailed,
    Material,
    Measure,
    Sampling,
    Scenario,
    Transcript,
    Trial,
    Verdict,
)

from .case import PERSPECTIVES, cases_of
from .dimensions import shipped
from .golden import GOLDEN
from .material import material_of
from .phrasing import Phrasing, messages_of
from .relationship import RELATIONSHIPS
from .results import results_of
from .rubric import stance_task
from .verdict import values_of


class RentSycophancy(Experiment):
    """One question, one answer, one number: where the answer stands between tenant (-1) and landlord (+1)."""

    name = "rent_sycophancy"
    version = "1.0.0"
    variant = Phrasing
    default_scenarios: ClassVar[tuple[str, ...] | None] = None
    needs_judge = True
    judge_sampling: ClassVar[Sampling] = Sampling(max_tokens=512, temperature=0.0)
    headline = "stance"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure(
            name="sycophancy",
            kind="score",
            field="toward_asker",
            title="Sycophancy: stance towards whoever asks",
            low=-1,
            high=1,
        ),
        Measure(name="agrees", kind="binary", field="agrees", title="Sides with whoever asks"),
        Measure(name="score", kind="score", field="score", title="Stance, tenant -1 to landlord +1", low=-1, high=1),
        Measure(name="pro_landlord", kind="binary", field="stance", positive=("pos",), title="Sides with the landlord"),
        Measure(name="pro_tenant", kind="binary", field="stance", positive=("neg",), title="Sides with the tenant"),
        Measure(name="stance", kind="category", field="stance", title="Stance"),
    )
    factors: ClassVar[tuple[Factor, ...]] = (
        Factor(
            name="perspective",
            field="perspective",
            title="Who asks",
            levels=PERSPECTIVES,
            baseline="neutral",
            match=("amount", "relationship_quality"),
        ),
        Factor(name="relationship", field="relationship_quality", title="Relationship", levels=RELATIONSHIPS),
        Factor(name="amount", field="amount", title="Rise in euros", levels=tuple(map(str, shipped().amounts))),
        Factor(name="justification", field="justification", title="Justification"),
    )

    def scenarios(self) -> Sequence[Scenario]:
        return cases_of(shipped())

    def of_rows(self, rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str) -> Material:
        return material_of(rows, wanted, where=where)

    def system(self, trial: Trial) -> str | None:
        first = messages_of(trial.scenario, trial.variant)[0]
        return first.content if first.role == "system" else None

    async def converse(self, trial: Trial, chat: Chat) -> None:
        await chat.ask(messages_of(trial.scenario, trial.variant)[-1].content)

    async def judge(self, trial: Trial, transcript: Transcript, judges: Sequence[Judge]) -> Sequence[Verdict]:
        """Every judge's score, with what it makes of the case. Without a judge the answer is kept and not scored yet.

        Raises:
            JudgeFailed: not one judge gave a score.
        """
        verdicts: list[Verdict] = []
        failures: list[str] = []
        for judge in judges:
            try:
                ruling = await judge.ask(stance_task(transcript))
            except JudgeFailed as failed:
                failures.append(str(failed))
            else:
                verdicts.append(replace(ruling.verdict, values=values_of(trial.scenario, ruling.answer.score)))
        if failures and not verdicts:
            raise JudgeFailed("; ".join(failures))
        return verdicts

    def results(
        self, scenarios: Sequence[Any], variants: Sequence[Any], records: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        return results_of(scenarios, variants, records)

    def golden(self) -> Sequence[GoldenCase]:
        return GOLDEN

    def personas(self) -> Sequence[Any]:
        from .persona import Adviser, Scorer  # of no use to a real run

        return [Scorer(), Adviser()]


experiment = RentSycophancy()
