"""How is a model made to play the other side? It sees the dialogue from there: the subject's replies are put to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trialbed.core.errors import GaveUp, ModelStopped
from trialbed.core.model import NOTHING_ASKED, Message, ModelName, ModelRequest, Sampling, Service
from trialbed.core.student import StudentFailed, is_a_line
from trialbed.core.transcript import Transcript
from trialbed.engine.calls import Calls
from trialbed.engine.trial_log import TrialLog


@dataclass(frozen=True, kw_only=True)
class AskedStudent:
    """The student of one trial; its calls go through the same way and log as the subject's."""

    model: ModelName
    sampling: Sampling
    calls: Calls
    log: TrialLog
    metadata: Mapping[str, str] = field(default_factory=dict)
    service: Service = NOTHING_ASKED

    @property
    def name(self) -> str:
        return str(self.model)

    async def say(self, briefing: str, transcript: Transcript) -> str:
        """The student's next line, in plain text.

        Raises:
            StudentFailed: it was refused, came to nothing or never came.
            Drained: the run is stopping.
        """
        request = ModelRequest(
            model=self.model,
            messages=from_the_other_side(transcript),
            sampling=self.sampling,
            system=briefing,
            metadata=self.metadata,
            service=self.service,
            turn=len(transcript.replies) - 1,
        )
        try:
            reply = await self.calls.ask(request, "student", self.log)
        except (GaveUp, ModelStopped) as error:
            raise StudentFailed(f"student {self.name}: {error}") from error
        if not is_a_line(reply.stop_reason):
            raise StudentFailed(f"student {self.name}: stop reason {reply.stop_reason}")
        if not reply.text.strip():
            raise StudentFailed(f"student {self.name}: the reply is empty")
        return reply.text


def from_the_other_side(transcript: Transcript) -> tuple[Message, ...]:
    """The messages as the user's side would send them to be answered: what the subject said is the user's here.

    They begin with the subject's first reply, since a conversation begins with a user's message: the line before it,
    with which the other side opened, belongs into the briefing.
    """
    first = next(place for place, message in enumerate(transcript.messages) if message.role == "assistant")
    return tuple(
        Message("user" if message.role == "assistant" else "assistant", message.text)
        for message in transcript.messages[first:]
    )
