"""How is each turn of a dialogue judged, while the dialogue goes on or when it is stored? Failures become data here."""

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

from trialbed.core.errors import Drained, UserError
from trialbed.core.experiment import Experiment
from trialbed.core.judge import JudgeFailed
from trialbed.core.outcome import Outcome
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.core.turn import JudgedTurn
from trialbed.core.verdict import Asking, Verdict
from trialbed.engine.asking import JudgesOf, unwrapped


class TurnJudging:
    """The turns of one trial in one asking, each judged in a task of its own in `group`.

    None of them fails the group: what stops the run is kept for `all`, so that a dialogue is never cut by its judges.
    """

    def __init__(
        self,
        trial: Trial,
        experiment: Experiment,
        judges_of: JudgesOf,
        asking: Asking,
        group: TaskGroup,
        on_judged: Callable[[JudgedTurn], None] = lambda _: None,
    ) -> None:
        self._trial = trial
        self._experiment = experiment
        self._judges_of = judges_of
        self._asking = asking
        self._group = group
        self._on_judged = on_judged
        self._done: dict[int, JudgedTurn] = {}
        self._stopped: Drained | UserError | None = None

    def begin(self, transcript: Transcript) -> None:
        """Have the newest reply of `transcript` judged."""
        turn = len(transcript.replies) - 1
        self._group.start_soon(self._one, turn, transcript, name="turn judge")

    def all(self) -> tuple[JudgedTurn, ...]:
        """What was found, in order; to be asked for when the group has ended.

        Raises:
            Drained: the run is stopping, and not all turns were judged.
            UserError: the journal cannot be written any more.
        """
        if self._stopped is not None:
            raise self._stopped
        return tuple(self._done[turn] for turn in sorted(self._done))

    async def _one(self, turn: int, transcript: Transcript) -> None:
        try:
            judged = await self._judged(turn, transcript)
        except (Drained, UserError) as stopped:
            self._stopped = stopped
            return
        self._done[turn] = judged
        self._on_judged(judged)

    async def _judged(self, turn: int, transcript: Transcript) -> JudgedTurn:
        verdicts: list[Verdict] = []
        failures: list[str] = []
        for judge in self._judges_of(self._asking, turn):
            try:
                verdicts.append(await self._experiment.judge_turn(self._trial, transcript, judge))
            except JudgeFailed as failure:
                failures.append(str(failure))
            except (Drained, UserError):
                raise
            except Exception as error:  # an author's code met something it did not expect; the turn stays judgeable
                failures.append(unwrapped(error, Outcome.JUDGE_ERROR)[1])
        try:
            verdicts += self._experiment.rate_turn(self._trial, transcript)
        except Exception as error:  # as above
            failures.append(unwrapped(error, Outcome.JUDGE_ERROR)[1])
        about = tuple(verdict.given_in(self._asking).about(turn) for verdict in verdicts)
        return JudgedTurn(turn, about, "; ".join(failures) or None)


async def judged_turns(
    trial: Trial, transcript: Transcript, judges_of: JudgesOf, experiment: Experiment, asking: Asking
) -> tuple[JudgedTurn, ...]:
    """Every turn of a whole transcript.

    Raises:
        Drained: the run is stopping.
        UserError: the journal cannot be written any more.
    """
    async with anyio.create_task_group() as group:
        turns = TurnJudging(trial, experiment, judges_of, asking, group)
        for turn in range(len(transcript.replies)):
            turns.begin(transcript.upto(turn))
    return turns.all()
