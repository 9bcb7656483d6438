"""How does an experiment talk to the subject? The history is kept here and sent whole each turn."""

from collections.abc import Awaitable, Callable, Sequence

from trialbed.core.judge import Judge
from trialbed.core.model import Message, ModelReply
from trialbed.core.outcome import Outcome, outcome_of_stop
from trialbed.core.student import Student
from trialbed.core.text import repair
from trialbed.core.transcript import Transcript
from trialbed.core.verdict import Verdict

Send = Callable[[Transcript], Awaitable[ModelReply]]
"""Puts a transcript that ends with a user message to the subject and returns its reply."""


class TurnEnded(Exception):
    """The subject's turn was not an answer: the dialogue ends here, as the outcome says."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class Chat:
    """One dialogue with the subject.

    `judges` are there for experiments whose next line depends on what the subject said; a verdict
    reached on the way is put on record with `note`. `student` says the other side's lines; None = nobody does, or
    a script. `on_reply` hears of every answered turn. With `takes_cut` a reply that ends at its most tokens is an
    answer.
    """

    def __init__(
        self,
        *,
        system: str | None,
        send: Send,
        judges: Sequence[Judge] = (),
        student: Student | None = None,
        on_reply: Callable[[Transcript], None] = lambda _: None,
        takes_cut: bool = False,
    ) -> None:
        self.transcript = Transcript(system)
        self.judges = tuple(judges)
        self.student = student
        self.notes: list[Verdict] = []
        self.repairs = 0
        self._send = send
        self._on_reply = on_reply
        self._takes_cut = takes_cut

    async def ask(self, text: str) -> str:
        """Say `text` to the subject and return its reply.

        Raises:
            TurnEnded: the reply was cut short, refused, filtered, empty or malformed. The text that
                came stays in the transcript.
            TypeError: `text` is not text.
        """
        if not isinstance(text, str):
            raise TypeError(f"chat.ask takes text, not {type(text).__name__}")
        text, repairs = repair(text)
        self.repairs += repairs
        asked = Transcript(self.transcript.system, (*self.transcript.messages, Message("user", text)))
        self.transcript = asked
        reply = await self._send(asked)
        self.repairs += reply.repairs
        if reply.text:
            self.transcript = Transcript(asked.system, (*asked.messages, Message("assistant", reply.text)))
        outcome = outcome_of_stop(reply.stop_reason)
        is_cut = outcome is Outcome.TRUNCATED
        if outcome is not Outcome.ANSWERED and not (is_cut and self._takes_cut):
            raise TurnEnded(outcome, f"stop reason {reply.stop_reason}")
        if not reply.text.strip():
            why = ": the token budget ran out before the first visible word" if is_cut else ""
            raise TurnEnded(Outcome.PARSE_FAILED, f"the reply is empty{why}")
        self._on_reply(self.transcript)
        return reply.text

    def note(self, verdict: Verdict) -> None:
        """Put a verdict reached during the dialogue on record."""
        self.notes.append(verdict)
