"""Who hears of a trial's turns before it has a record? The judges of turns, and the sinks that asked to."""

from collections.abc import Callable, Sequence

from trialbed.core.transcript import Transcript
from trialbed.core.turn import JudgedTurn, TurnTaken
from trialbed.engine.trial_log import TrialLog
from trialbed.sinks.sink import Witness


class Telling:
    """Passes on what becomes known of one trial, in the order in which it does."""

    def __init__(self, trial_id: str, log: TrialLog, witnesses: Sequence[Witness]) -> None:
        self.begin_judging: Callable[[Transcript], None] = lambda _: None
        self._trial_id = trial_id
        self._log = log
        self._witnesses = witnesses

    def replied(self, transcript: Transcript) -> None:
        """The subject has answered, and its answer is on disk."""
        self.begin_judging(transcript)
        if not self._witnesses:
            return
        asked, said = transcript.messages[-2:]
        call = next(call for call in reversed(self._log.calls) if call["role"] == "subject")
        taken = TurnTaken(len(transcript.replies) - 1, asked.text, said.text, call)
        for witness in self._witnesses:
            witness.turn_taken(self._trial_id, taken)

    def judged(self, judged: JudgedTurn) -> None:
        """A turn was judged by the run itself; what judges say of it a second time comes with the record."""
        if not self._witnesses:
            return
        about = [call for call in self._log.calls if call["role"] == "judge" and call.get("turn") == judged.turn]
        calls = [call for call in about if not call.get("repeat")]
        for witness in self._witnesses:
            witness.turn_judged(self._trial_id, judged, calls)
