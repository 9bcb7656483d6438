"""What does an author write? Scenario and variant are data, the experiment is a protocol in code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from trialbed.core.conversation import Chat
from trialbed.core.factor import Factor
from trialbed.core.golden import GoldenCase
from trialbed.core.judge import Judge
from trialbed.core.measure import Measure
from trialbed.core.model import Sampling, Service
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.turn import JudgedTurn
from trialbed.core.verdict import Verdict


class Scenario(BaseModel):
    """One situation. Subclass it to add fields; all of them are part of a trial's content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    system: str | None = None


class Variant(BaseModel):
    """One framing: the words only. Subclass it to say which words an experiment needs.

    `id` is the file's name. `label` and `baseline` are for people and for the analysis; they are no
    part of what the subject sees and so no part of a trial's content.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    label: str = ""
    baseline: bool = False

    def sampling(self, asked: Sampling) -> Sampling:
        """The parameters of a trial of this variant; `asked` are those of the plan. Only its own words may decide."""
        return asked

    def content(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"label", "baseline"})

    @property
    def title(self) -> str:
        return self.label or self.id


@dataclass(frozen=True)
class Material:
    """What an experiment makes of the rows of a data set.

    `scenarios` can be asked in every variant, `baseline_only` just in those that need nothing they lack. `notes` are
    lines for the user, `counts` the same as data.
    """

    scenarios: tuple[Scenario, ...]
    baseline_only: tuple[Scenario, ...] = ()
    notes: tuple[str, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)


class Experiment:
    """A protocol: which scenarios, how a trial talks, how it is judged.

    `default_scenarios` are the ones run when none is asked for (None: all). `needs_judge` says that
    `judge` or `converse` asks a judge model. `headline` names the field of the evaluation that the
    summary counts. `measures` are what a report compares, the primary one first; `factors` are what the scenarios
    differ in; `least_words` and `equivalence_margin` are choices of its analysis (see `core.choices.Choices`).

    `has_student` says that a model (or a script) plays the other side, through `chat.student`, for as many turns as
    `trial.dialogue` allows. `judges_turns` says that every reply is judged for itself, while the dialogue goes on: by
    `judge_turn` and `rate_turn`, and what they come to by `conclude` in the place of `judge`.

    `is_timed` has the subject's replies streamed and their pieces timed: what that comes to is said by `of_calls` in
    the place of `judge`. `takes_cut` says that a reply which ends at its most tokens is what was asked for, no
    fragment.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    variant: ClassVar[type[Variant]] = Variant
    default_scenarios: ClassVar[tuple[str, ...] | None] = None
    needs_judge: ClassVar[bool] = False
    judge_sampling: ClassVar[Sampling] = Sampling(max_tokens=1024, temperature=0.0)
    has_student: ClassVar[bool] = False
    student_sampling: ClassVar[Sampling] = Sampling(max_tokens=300, temperature=0.7)
    judges_turns: ClassVar[bool] = False
    is_timed: ClassVar[bool] = False
    takes_cut: ClassVar[bool] = False
    headline: ClassVar[str | None] = None
    measures: ClassVar[tuple[Measure, ...]] = ()
    factors: ClassVar[tuple[Factor, ...]] = ()
    least_words: ClassVar[int] = 0
    equivalence_margin: ClassVar[float | None] = None

    def scenarios(self) -> Iterable[Scenario]:
        raise NotImplementedError(f"{type(self).__name__} must say its scenarios")

    def for_prompt(self, prompt: str) -> Scenario | None:
        """The scenario that a prompt of the user's own makes; None where there are only the experiment's."""
        return None

    def of_rows(
        self, rows: Sequence[Mapping[str, Any]] | None, wanted: Mapping[str, Any], *, where: str
    ) -> Material | None:
        """The scenarios that the rows of a data set make; None where there are only the experiment's.

        Args:
            rows: as they stand in the data set; None = those that come with the experiment.
            wanted: which of them, by names of the experiment's own.
            where: names the data set for messages.

        Raises:
            UserError: they cannot be used.
        """
        return None

    def system(self, trial: Trial) -> str | None:
        """What the subject is told before the dialogue; None = nothing."""
        system: str | None = trial.scenario.system
        return system

    def service(self, trial: Trial, asked: Service) -> Service:
        """How the subject's calls in this trial are served; `asked` is what the settings say."""
        return asked

    async def converse(self, trial: Trial, chat: Chat) -> None:
        raise NotImplementedError(f"{type(self).__name__} must say how a trial talks")

    async def judge(self, trial: Trial, transcript: Transcript, judges: Sequence[Judge]) -> Sequence[Verdict]:
        """Verdicts on a finished transcript; the first one is the record's `evaluation`.

        Raises:
            AnswerUnreadable: the answer does not say what was asked for; the trial becomes `parse_failed`.
            JudgeFailed: no valid verdict could be had; the trial becomes `judge_error`.
        """
        return []

    async def judge_turn(self, trial: Trial, transcript: Transcript, judge: Judge) -> Verdict:
        """What one judge says of the newest reply of `transcript`, which ends with it.

        Raises:
            JudgeFailed: no valid verdict could be had; the turn counts as not judged.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how a turn is judged")

    def rate_turn(self, trial: Trial, transcript: Transcript) -> Sequence[Verdict]:
        """What rules in code say of the newest reply of `transcript`, which ends with it."""
        return ()

    def conclude(self, trial: Trial, transcript: Transcript, turns: Sequence[JudgedTurn]) -> Sequence[Verdict]:
        """What the turns of a whole dialogue come to; the first verdict is the record's `evaluation`.

        Raises:
            JudgeFailed: too little was judged to say anything; the trial becomes `judge_error`.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what its turns come to")

    def of_calls(self, trial: Trial, calls: Sequence[Mapping[str, Any]]) -> Sequence[Verdict]:
        """What the subject's answered calls come to, as a record's `calls` hold them; the first verdict is the record's
        `evaluation`.

        Raises:
            AnswerUnreadable: a value that is needed is missing or impossible; the trial becomes `parse_failed`.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what its calls come to")

    def for_ingest(self, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a results server is sent of an answered trial's record; None where there is nothing for one."""
        return None

    def summary(self, evaluation: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """What the summary of a single trial says of its evaluation; None where there is none."""
        return evaluation or {}

    def results(
        self, scenarios: Sequence[Any], variants: Sequence[Any], records: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What the records of a plan come to beside the tables of a report, for a command of the experiment's own."""
        return {}

    def golden(self) -> Sequence[GoldenCase]:
        """A few transcripts whose verdict is beyond dispute; judges are checked with them."""
        return ()

    def personas(self) -> Sequence[Any]:
        """Who plays subject and judge in a rehearsal (see `providers.rehearsal.personas.Persona`)."""
        return ()
