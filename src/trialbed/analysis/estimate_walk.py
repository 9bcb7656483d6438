"""What would one trial take, as far as its own code tells? Walks through it with made-up answers and no network."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import anyio

from trialbed.analysis.estimate_cells import Place, Took
from trialbed.core.conversation import Chat
from trialbed.core.errors import Drained
from trialbed.core.experiment import Experiment
from trialbed.core.judge import JudgeFailed
from trialbed.core.model import ModelName, ModelReply, ModelRequest, Role, Sampling, Usage
from trialbed.core.plan import Plan
from trialbed.core.student import Dialogue
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial
from trialbed.judging.structured import StructuredJudge
from trialbed.providers.rehearsal.answer import Answer, ToolUse
from trialbed.providers.rehearsal.call import TRIAL_KEY, Message, RehearsalCall, Tool
from trialbed.providers.rehearsal.personas import GenericPersona, persona_for

Length = Literal["shortest", "usual", "longest"]
_MOST_CALLS = 500
_MOST_S = 2.0
_MOST_CHARS = 1 << 20
_SHORT = "Yes."
_WORD = "word "


@dataclass(frozen=True, slots=True)
class _Tokens:
    """How texts are counted: `chars` a token, and what comes on top for each message and each form."""

    chars: float
    per_message: int
    per_form: int


_COUNTING: Mapping[Length, _Tokens] = {
    "shortest": _Tokens(6.0, 0, 0),
    "usual": _Tokens(4.0, 4, 350),
    "longest": _Tokens(2.0, 16, 1_000),
}
_USUAL_SHARE = 0.25
"""How much of the most a reply may have it usually uses; an assumption."""


async def walk(experiment: Experiment, plan: Plan, trial: Trial, length: Length, *, seed: int) -> Mapping[Place, Took]:
    """What the trial takes of each model if all answers are of this length.

    The subject's replies are as short or long as they may be, and with the longest every judge is asked a
    second time. Branches that depend on a judge go as the seed decides. Whatever the author's code makes of
    such answers, the calls up to there count.
    """
    walker = _Walker(experiment, length, Random(f"{seed}:{trial.trial_id}"))
    judges = [walker.judge(model, plan.judge_sampling, trial) for model in plan.judges]
    chat = Chat(
        system=experiment.system(trial),
        send=lambda said: walker.subject(said, trial),
        judges=judges,
        student=walker.student(trial.dialogue),
        takes_cut=experiment.takes_cut,
    )
    with anyio.move_on_after(_MOST_S):
        try:
            await experiment.converse(trial, chat)
            if experiment.judges_turns:
                await _judge_turns(experiment, trial, chat.transcript, judges)
            elif not experiment.is_timed:
                await experiment.judge(trial, chat.transcript, judges)
        except Exception:  # made-up answers may be nothing an author has thought of: what was asked so far counts
            pass
    return walker.took


async def _judge_turns(
    experiment: Experiment, trial: Trial, transcript: Transcript, judges: Sequence[StructuredJudge]
) -> None:
    for turn in range(len(transcript.replies)):
        for judge in judges:
            with suppress(JudgeFailed):
                await experiment.judge_turn(trial, transcript.upto(turn), judge)


class _Walker:
    def __init__(self, experiment: Experiment, length: Length, random: Random) -> None:
        self.took: dict[Place, Took] = {}
        self._personas = tuple(experiment.personas())
        self._length: Length = length
        self._tokens = _COUNTING[length]
        self._random = random
        self._calls = 0

    def judge(self, model: ModelName, sampling: Sampling, trial: Trial) -> StructuredJudge:
        return StructuredJudge(
            name=str(model),
            model=model,
            sampling=sampling,
            trial_id=trial.trial_id,
            seed=trial.seed,
            send=self.judged,
            on_verdict=lambda task, request, complaint: None,
            metadata={TRIAL_KEY: trial.trial_id},
        )

    def student(self, dialogue: Dialogue | None) -> "_WalkedStudent | None":
        if dialogue is None or dialogue.student is None:
            return None
        return _WalkedStudent(dialogue.student, dialogue.sampling, self)

    async def line_of(self, request: ModelRequest) -> str:
        return self._replied(request, "student", self._words(request.sampling.max_tokens), None).text

    async def subject(self, transcript: Transcript, trial: Trial) -> ModelReply:
        request = ModelRequest(trial.subject, transcript.messages, trial.sampling, transcript.system)
        return self._replied(request, "subject", self._words(trial.sampling.max_tokens), None)

    async def judged(self, request: ModelRequest) -> ModelReply:
        if self._length == "longest" and len(request.messages) == 1:
            return self._replied(request, "judge", self._words(request.sampling.max_tokens), None)
        data = self._filled_in(request)
        return self._replied(request, "judge", json.dumps(data), data)

    def _words(self, max_tokens: int) -> str:
        if self._length == "shortest":
            return _SHORT
        share = 1.0 if self._length == "longest" else _USUAL_SHARE
        chars = min(_MOST_CHARS, max(len(_WORD), round(max_tokens * share * 4)))
        return (_WORD * (chars // len(_WORD) + 1))[:chars]

    def _filled_in(self, request: ModelRequest) -> dict[str, Any]:
        """A valid answer, as the experiment's own rehearsal would give it."""
        assert request.form is not None
        call = RehearsalCall(
            model_id=request.model.id,
            messages=tuple(Message(message.role, message.text) for message in request.messages),
            system=request.system or "",
            tools=(Tool(request.form.name, request.form.description, request.form.schema),),
            forced_tool=True,
            metadata=request.metadata,
        )
        try:
            answer = persona_for(call, self._personas).answer(call, self._random)
        except Exception:  # a persona may expect the rehearsal's own subject
            answer = GenericPersona().answer(call, self._random)
        return _data(answer)

    def _replied(self, request: ModelRequest, role: Role, text: str, data: dict[str, Any] | None) -> ModelReply:
        self._calls += 1
        if self._calls > _MOST_CALLS:
            raise Drained
        chars = len(request.system or "") + sum(len(message.text) for message in request.messages)
        around = self._tokens.per_message * (len(request.messages) + 1)
        if request.form is not None:
            around += self._tokens.per_form
            chars += len(json.dumps(dict(request.form.schema))) + len(request.form.name + request.form.description)
        usage = Usage(max(1, round(chars / self._tokens.chars) + around), self._said_tokens(text, request.sampling))
        place = (role, str(request.model))
        so_far = self.took.get(place, Took())
        self.took[place] = Took(so_far.calls + 1, so_far.usage + usage)
        return ModelReply(text, "end_turn" if data is None else "tool_use", usage, data=data)

    def _said_tokens(self, text: str, sampling: Sampling) -> int:
        if self._length == "longest":
            return sampling.max_tokens
        return min(sampling.max_tokens, max(1, round(len(text) / self._tokens.chars)))


@dataclass(frozen=True)
class _WalkedStudent:
    """A student that always has something to say, as long as the walk's answers are."""

    model: ModelName
    sampling: Sampling
    walker: _Walker

    @property
    def name(self) -> str:
        return str(self.model)

    async def say(self, briefing: str, transcript: Transcript) -> str:
        return await self.walker.line_of(ModelRequest(self.model, transcript.messages[1:], self.sampling, briefing))


def _data(answer: Answer) -> dict[str, Any]:
    content = answer.content
    return dict(content.input) if isinstance(content, ToolUse) and isinstance(content.input, Mapping) else {}


def extremes(walks: Sequence[Mapping[Place, Took]], *, largest: bool) -> Mapping[Place, Took]:
    """For each model the most, or the least, that any of the walks took of it."""
    pick = max if largest else min
    places = {place for one in walks for place in one}
    chosen = {}
    for place in places:
        of_place = [one.get(place, Took()) for one in walks]
        usage = Usage(
            pick(took.usage.input_tokens for took in of_place), pick(took.usage.output_tokens for took in of_place)
        )
        chosen[place] = Took(pick(took.calls for took in of_place), usage)
    return chosen
