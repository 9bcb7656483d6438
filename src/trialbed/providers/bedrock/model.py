"""How does one Bedrock model answer one request? Fits the request to the model, asks, reads the answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

from trialbed.core.errors import CallError
from trialbed.core.model import ModelName, ModelReply, ModelRequest, Role, Sampling, Service
from trialbed.providers.answer_forms import AnswerMode, next_mode
from trialbed.providers.bedrock.capabilities import Capabilities, fit_request, refusals
from trialbed.providers.bedrock.forms import mode_below, refused_member
from trialbed.providers.bedrock.learning import learnt, refuses_streaming
from trialbed.providers.bedrock.mapping import Answer, parameters_of, reply_of, sent_of
from trialbed.providers.bedrock.streaming import Streaming, is_streamed


class Client(Protocol):
    """What is needed of `session.BedrockClient`: the same answer at once, or as a stream."""

    async def converse(self, parameters: Mapping[str, Any]) -> Answer: ...

    async def converse_stream(self, parameters: Mapping[str, Any]) -> Answer: ...


class BedrockModel:
    """A model behind Converse, or ConverseStream where that is called for (see `streaming`).

    A structured answer is asked for in the way that binds the model most, as its capabilities say. Where
    the service refuses that way, the same `converse` sends the request again one step down: a refused
    request generates nothing and costs nothing. So it does without a parameter that may be dropped and
    that the service names as not taken, and without a stream where the model has none. What was learnt
    holds for the rest of the run; what was left out is named in the reply's `unsupported`, the way used in
    `sent`. Whether it was streamed is not: the answer is the same.
    """

    def __init__(
        self,
        client: Client,
        name: ModelName,
        capabilities: Capabilities,
        on_unsupported: Literal["refuse", "drop"] = "refuse",
        streaming: Streaming = "auto",
    ) -> None:
        self._client = client
        self.name = name
        self._capabilities = capabilities
        self._drops = on_unsupported == "drop"
        self._streaming = streaming
        # With a form and without one: some models stream words, but no use of a tool.
        self._unstreamed: set[bool] = set()
        self._mode: AnswerMode = capabilities.first_mode
        self._refused_members: tuple[str, ...] = ()
        self._fits: dict[tuple[Sampling, Service], tuple[Sampling, Service, tuple[str, ...]]] = {}

    async def refusals(
        self, sampling: Sampling, service: Service, role: Role = "subject", options: Mapping[str, str] | None = None
    ) -> list[str]:
        """One line per parameter that is known to be refused in this role; none where they are left out instead."""
        return [] if self._drops else refusals(sampling, self._capabilities, service, role, options or {})

    async def converse(self, request: ModelRequest) -> ModelReply:
        """One attempt; one more for each thing the service refused and that may be left out.

        With a form (a judge) parameters the model refuses are left out and listed; without, only under
        `on_unsupported="drop"`, else they are sent as asked and the service says no.

        Raises:
            CallError: the subclass says what went wrong.
        """
        while True:
            mode, streams = self._mode_for(request), self._streams(request)
            try:
                return await self._ask(request, mode, streams=streams)
            except CallError as error:
                if streams and not request.is_timed and refuses_streaming(error):
                    self._stop_streaming(error, request)
                elif not self._learns_from(error, request, mode):
                    raise

    def _streams(self, request: ModelRequest) -> bool:
        if request.is_timed:
            return True
        most_tokens = request.stands_for_tokens or request.sampling.max_tokens
        return (request.form is not None) not in self._unstreamed and is_streamed(self._streaming, most_tokens)

    def _stop_streaming(self, refusal: CallError, request: ModelRequest) -> None:
        """Ask such requests without a stream from now on.

        Raises:
            CallError: the refusal, where nothing but streams is wanted.
        """
        if self._streaming == "always":
            raise refusal
        self._unstreamed.add(request.form is not None)

    def _mode_for(self, request: ModelRequest) -> AnswerMode | None:
        if request.form is None:
            return None
        # A model that thinks may not be forced to use a tool.
        thinks = request.sampling.thinking is not None
        return "auto_tool" if thinks and self._mode == "forced_tool" else self._mode

    async def _ask(self, request: ModelRequest, mode: AnswerMode | None, *, streams: bool) -> ModelReply:
        refused: tuple[str, ...] = ()
        if mode is not None or self._drops:
            request, refused = self._fitted(request)
        refused += () if mode is None else self._refused_members
        parameters = parameters_of(request, mode, cache_tokens=self._capabilities.cache_tokens)
        sent = sent_of(parameters, mode)
        if request.service.prompt_cache and "prompt_cache" not in sent:
            # Nothing of it is long enough for this model to cache, so nothing was marked.
            refused += ("prompt_cache",)
        converse = self._client.converse_stream if streams else self._client.converse
        answer = await converse(parameters)
        if not request.is_timed:
            answer = replace(answer, timing=None)
        reply = reply_of(answer, form=request.form, mode=mode, sent=sent, unsupported=refused)
        if mode == "json_schema" and reply.data is None and reply.stop_reason == "end_turn":
            # Prose under a schema: the member was taken and not honoured. The next request asks otherwise.
            self._step_down(mode, next_mode(mode))
        return reply

    def _learns_from(self, error: CallError, request: ModelRequest, mode: AnswerMode | None) -> bool:
        """Whether `error` told of something that may be left out, so that the same request can be sent without."""
        if mode is None and not self._drops:
            return False
        known = learnt(self._capabilities, error, request)
        if known is None:
            return mode is not None and self._step_down(mode, mode_below(mode, error))
        self._capabilities = known
        self._fits.clear()
        return True

    def _fitted(self, request: ModelRequest) -> tuple[ModelRequest, tuple[str, ...]]:
        """The request as `fit_request` makes it. A run asks in few ways: each is fitted once."""
        asked = (request.sampling, request.service)
        if asked not in self._fits:
            fitting, names = fit_request(request, self._capabilities)
            self._fits[asked] = (fitting.sampling, fitting.service, names)
        sampling, service, names = self._fits[asked]
        return (replace(request, sampling=sampling, service=service) if names else request), names

    def _step_down(self, refused: AnswerMode, below: AnswerMode | None) -> bool:
        """Ask in a lower mode from now on; whether there is one. Calls that run at a time step down once."""
        while below is not None and below != "json_schema" and not self._capabilities.takes(below):
            below = next_mode(below)
        if below is None:
            return False
        if self._mode == refused:
            self._mode = below
            member = refused_member(refused)
            self._refused_members += (member,) if member else ()
        return True
