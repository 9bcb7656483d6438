"""Can a model keep asking instead of telling?

The subject is a Socratic tutor, a student model (or a script) answers its questions, and every turn of the tutor is
scored for itself: for the form of a question, for what it asks after, and for leaving the answer to the student.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from trialbed import (
    Chat,
    Experiment,
    GoldenCase,
    Judge,
    JudgedTurn,
    JudgeFailed,
    Measure,
    Scenario,
    Transcript,
    Trial,
    Verdict,
)

from .aggregates import SCALES, Thresholds, TurnScore, aggregates, nothing
from .golden import GOLDEN
from .heuristics import HEURISTICS_VERSION, heuristics_of
from .rubric import turn_task
from .scenarios import SCENARIOS, for_prompt
from .student import briefing, ends, script_of
from .tutoring import Tutoring

HEURISTICS = "heuristics"


class Socratic(Experiment):
    """A dialogue of as many turns as asked for, or until the student has had enough; a verdict on each turn."""

    name = "socratic"
    version = "1.0.0"
    variant = Tutoring
    default_scenarios: ClassVar[tuple[str, ...] | None] = None
    needs_judge = True
    has_student = True
    judges_turns = True
    headline = "kept_asking"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure(name="overall_score", kind="score", field="overall_score", title="Turn score, mean", low=0, high=10),
        Measure(
            name="compliance_rate",
            kind="score",
            field="compliance_rate",
            title="Share of compliant turns",
            low=0,
            high=1,
        ),
        Measure(
            name="half_life",
            kind="survival",
            field="half_life_time",
            censored_field="half_life_censored",
            title="Turn at which it first stops asking",
        ),
        Measure(name="kept_asking", kind="binary", field="kept_asking", title="Never fell below the threshold"),
        Measure(name="mean_form", kind="score", field="mean_form", title="Form", low=0, high=3),
        Measure(name="mean_substance", kind="score", field="mean_substance", title="Substance", low=0, high=3),
        Measure(name="mean_purity", kind="score", field="mean_purity", title="Purity", low=0, high=4),
    )
    thresholds: ClassVar[Thresholds] = Thresholds()

    def scenarios(self) -> Sequence[Scenario]:
        return SCENARIOS

    def for_prompt(self, prompt: str) -> Scenario:
        return for_prompt(prompt)

    def system(self, trial: Trial) -> str | None:
        system: str = trial.variant.system
        return system

    async def converse(self, trial: Trial, chat: Chat) -> None:
        if trial.dialogue is None:
            raise ValueError("a Socratic dialogue needs to know its student and its turns")
        script = script_of(trial.scenario, trial.seed)
        line: str | None = trial.scenario.prompt
        for left in reversed(range(trial.dialogue.turns)):
            assert line is not None
            await chat.ask(line)
            if not left:
                break
            if chat.student is None:
                line = next(script, None)
            else:
                line = await chat.student.say(briefing(trial.scenario), chat.transcript)
            if line is None or ends(line):
                break
        taken = len(chat.transcript.replies)
        ended_by = "max_turns" if taken == trial.dialogue.turns else "student"
        chat.note(Verdict("dialogue", {"ended_by": ended_by, "n_turns": taken, **trial.dialogue.as_dict()}))

    async def judge_turn(self, trial: Trial, transcript: Transcript, judge: Judge) -> Verdict:
        ruling = await judge.ask(turn_task(transcript))
        score = TurnScore(ruling.answer.form, ruling.answer.substance, ruling.answer.purity)
        values = {"overall_score": score.total, **ruling.answer.model_dump(mode="json")}
        return replace(ruling.verdict, values=values)

    def rate_turn(self, trial: Trial, transcript: Transcript) -> Sequence[Verdict]:
        found = heuristics_of(transcript.last).as_values()
        return [Verdict(HEURISTICS, found, rubric_version=HEURISTICS_VERSION)]

    def conclude(self, trial: Trial, transcript: Transcript, turns: Sequence[JudgedTurn]) -> Sequence[Verdict]:
        """The aggregates, by judge; the first judge of whom there is a verdict evaluates the dialogue.

        Raises:
            JudgeFailed: not one turn was judged.
        """
        judges = dict.fromkeys(verdict.judge for turn in turns for verdict in turn.of_judges)
        if not judges:
            said = next((turn.failure for turn in turns if turn.failure), "no judge was asked")
            raise JudgeFailed(f"not one of {len(turns)} turns was judged: {said}")
        return [self._of_judge(judge, turns) for judge in judges if judge is not None]

    def _of_judge(self, judge: str, turns: Sequence[JudgedTurn]) -> Verdict:
        own = [next((one for one in turn.of_judges if one.judge == judge), None) for turn in turns]
        scores = [None if one is None else TurnScore(*(one.values[name] for name in SCALES)) for one in own]
        first = next(one for one in own if one is not None)
        return replace(first, name=self.name, values=aggregates(scores, self.thresholds), turn=None)

    def summary(self, evaluation: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return nothing(self.thresholds) if evaluation is None else evaluation

    def golden(self) -> Sequence[GoldenCase]:
        return GOLDEN

    def personas(self) -> Sequence[Any]:
        from .persona import JudgePersona, StudentPersona, TutorPersona  # of no use to a real run

        return [JudgePersona(), StudentPersona(), TutorPersona()]


experiment = Socratic()
