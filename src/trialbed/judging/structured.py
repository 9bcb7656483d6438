"""How is a model made to judge? One question, at most one second chance, and no guessing after that."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from trialbed.core.canonical import canonical_json
from trialbed.core.errors import GaveUp, ModelStopped
from trialbed.core.judge import AnswerT, JudgeFailed, JudgeTask, Ruling
from trialbed.core.model import NOTHING_ASKED, Message, ModelName, ModelReply, ModelRequest, Sampling, Service
from trialbed.core.verdict import FIRST, Asking, Verdict
from trialbed.judging.parse import Complaint, parse_answer
from trialbed.judging.prompt import SYSTEM, JudgePrompt, again, judge_prompt

Send = Callable[[ModelRequest], Awaitable[ModelReply]]
"""Puts a request to the judge's model: retried, paced and on disk before it returns.

Raises GaveUp, ModelStopped or Drained.
"""

OnVerdict = Callable[[str, str, str | None], None]
"""Hears of every reply: the task's name, the request's content hash, and the complaint (None = accepted)."""

_ANSWERING = frozenset({"end_turn", "stop_sequence", "tool_use"})
_MALFORMED = frozenset({"malformed_model_output", "malformed_tool_use"})
_MOST_RAW_CHARS = 2_000
_SPEECHLESS = "(no answer)"


@dataclass(frozen=True, kw_only=True)
class StructuredJudge:
    """A judge for one trial.

    `sampling` is the judge's own, never the subject's. `seed` (the trial's) decides the order of options
    and `trial_id` the fence, so that the same asking in the same trial is always made with the same bytes. `turn` is
    the reply that is judged, where it is one.
    """

    name: str
    model: ModelName
    sampling: Sampling
    trial_id: str
    seed: int
    send: Send
    on_verdict: OnVerdict
    metadata: Mapping[str, str] = field(default_factory=dict)
    service: Service = NOTHING_ASKED
    asking: Asking = FIRST
    turn: int | None = None

    async def ask(self, task: JudgeTask[AnswerT]) -> Ruling[AnswerT]:
        """Put a task to the model, and once more with the complaint if the first answer cannot be used.

        Raises:
            JudgeFailed: no valid answer came, or none at all; the text says why and holds the raw reply.
            Drained: the run is stopping; the question is still open.
            ValueError: the task's answer model contains itself.
        """
        prompt = judge_prompt(task, trial_id=self.trial_id, seed=self.seed, asking=self.asking)
        asked: tuple[Message, ...] = (Message("user", prompt.text),)
        first = await self._answer(task, prompt, asked)
        if isinstance(first, Ruling):
            return first
        asked = (*asked, Message("assistant", first.raw or _SPEECHLESS), Message("user", again(first.reason)))
        second = await self._answer(task, prompt, asked)
        if isinstance(second, Ruling):
            return second
        raise JudgeFailed(f"{self.name}: {second.line}")

    async def _answer(
        self, task: JudgeTask[AnswerT], prompt: JudgePrompt, asked: tuple[Message, ...]
    ) -> "Ruling[AnswerT] | _Unusable":
        request = ModelRequest(
            model=self.model,
            messages=asked,
            sampling=self.sampling,
            system=SYSTEM,
            form=prompt.form,
            metadata=self.metadata,
            service=self.service,
            turn=self.turn,
            repeat=self.asking.repeat,
        )
        try:
            reply = await self.send(request)
        except (GaveUp, ModelStopped) as error:
            raise JudgeFailed(f"{self.name}: {error}") from error
        read = self._read(task, prompt, reply)
        self.on_verdict(task.name, request.content_hash, read.line if isinstance(read, _Unusable) else None)
        if isinstance(read, _Unusable) and read.is_final:
            raise JudgeFailed(f"{self.name}: {read.line}")
        return read

    def _read(self, task: JudgeTask[AnswerT], prompt: JudgePrompt, reply: ModelReply) -> "Ruling[AnswerT] | _Unusable":
        if reply.stop_reason in _MALFORMED:
            return _Unusable(f"it could not be read ({reply.stop_reason})", _raw(reply))
        if reply.stop_reason not in _ANSWERING:
            # Cut short or refused: whatever came, however well formed, is not what the judge would have said.
            return _Unusable(f"stop reason {reply.stop_reason}", _raw(reply), is_final=True)
        parsed = parse_answer(task.answer, data=reply.data, text=reply.text)
        if isinstance(parsed, Complaint):
            return _Unusable(parsed.text, _raw(reply))
        complaint = task.check(parsed.answer)
        if complaint is not None:
            return _Unusable(" ".join(complaint.split()), _raw(reply))
        return Ruling(parsed.answer, self._verdict(task, prompt, parsed.answer))

    def _verdict(self, task: JudgeTask[AnswerT], prompt: JudgePrompt, answer: AnswerT) -> Verdict:
        return Verdict(
            name=task.name,
            values=answer.model_dump(mode="json"),
            judge=str(self.model),
            rubric_version=task.rubric_version,
            prompt_hash=prompt.rubric_hash,
            repeat=self.asking.repeat,
            judging=self.asking.judging,
            turn=self.turn,
        )


@dataclass(frozen=True, slots=True)
class _Unusable:
    """A reply that is no valid answer. Final = asking once more would select among answers."""

    reason: str
    raw: str
    is_final: bool = False

    @property
    def line(self) -> str:
        """The complaint with the reply it is about, in one line."""
        return f"{self.reason}; reply: {canonical_json(self.raw[:_MOST_RAW_CHARS])}"


def _raw(reply: ModelReply) -> str:
    """What the judge said, as text; a structured answer as JSON."""
    if reply.data is None:
        return reply.text.strip()
    try:
        return canonical_json(reply.data)
    except (TypeError, ValueError, RecursionError):
        return repr(dict(reply.data))
