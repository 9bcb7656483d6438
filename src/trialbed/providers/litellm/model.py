"""How does one model of another provider answer one request? Fits the request to it, asks once, reads the answer."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from trialbed.core.errors import BrokenStream, CallError, InvalidRequest, MalformedBody
from trialbed.core.model import Message, ModelName, ModelReply, ModelRequest, Role, Sampling, Service, Usage
from trialbed.core.redact import Redactor
from trialbed.providers.answer_forms import AnswerMode, next_mode
from trialbed.providers.body import NotAnAnswer, mapping
from trialbed.providers.litellm import library
from trialbed.providers.litellm.access import Access
from trialbed.providers.litellm.answers.choose import Answers, answers_to
from trialbed.providers.litellm.answers.reading import EndedEarly
from trialbed.providers.litellm.asking import parameters_of
from trialbed.providers.litellm.building import build_error
from trialbed.providers.litellm.errors import (
    error_in,
    of_exception,
    of_response,
    of_stream,
    refused_parameter,
    request_id,
)
from trialbed.providers.litellm.fitting import Fitted, fit
from trialbed.providers.litellm.http import Received, Sender
from trialbed.providers.litellm.library import Built, NotTaken
from trialbed.providers.litellm.reply import Circumstances, reply_of
from trialbed.providers.litellm.wire import differences, mode_in, sent_in
from trialbed.providers.variables import unset, variables_of

_MEMBERS = {"json_schema": "response_format", "forced_tool": "tool_choice", "auto_tool": "tools"}
_NOT_TAKEN = "ParameterNotTaken"


class LiteLlmModel:
    """A model behind a provider's own API.

    What LiteLLM would drop or change on its way is refused before anything is sent, or left out and named in the
    reply's `unsupported` where that is wanted (`on_unsupported="drop"`, and for judges). A structured answer is asked
    for in the way that binds the model most; where LiteLLM would not ask so, or the provider refuses the request, the
    same `converse` asks one step down, until a way has once been answered.
    """

    def __init__(
        self, sender: Sender, name: ModelName, access: Access, on_unsupported: Literal["refuse", "drop"] = "refuse"
    ) -> None:
        self._sender = sender
        self.name = name
        self._access = access
        self._drops = on_unsupported == "drop"
        self._redact = Redactor([access.api_key] if access.api_key else [])
        self._mode: AnswerMode = "json_schema"
        self._proven: set[AnswerMode] = set()
        self._passed: tuple[str, ...] = ()
        self._known: dict[str, str] = {}
        self._fits: dict[tuple[Sampling, Service, AnswerMode | None, bool], Fitted] = {}

    async def refusals(
        self, sampling: Sampling, service: Service, role: Role = "subject", options: Mapping[str, str] | None = None
    ) -> list[str]:
        """One line per parameter that is known to be refused in this role; none where they are left out instead."""
        if self._drops:
            return []
        names = variables_of(role) | dict(options or {})
        request = ModelRequest(self.name, (Message("user", "Are you ready?"),), sampling, service=service)
        try:
            fitted = await self._fitted(request, None)
        except CallError:  # no token can be had right now: the first call tells
            return []
        lines = [
            f"{names[name]}: {self.name} {problem}; {unset(names[name])}, or ON_UNSUPPORTED=drop"
            for name, problem in fitted.refused.items()
            if name in names
        ]
        return lines if lines or fitted.problem is None else [f"{self.name}: {fitted.problem}"]

    async def converse(self, request: ModelRequest) -> ModelReply:
        """One attempt; one more for each way of asking for a structured answer, and each parameter that may be left
        out, which the provider refuses by name: what is refused generates nothing.

        Raises:
            CallError: the subclass says what went wrong.
        """
        mode = self._mode if request.form is not None else None
        first_refusal: InvalidRequest | None = None
        passed: list[str] = []
        while True:
            try:
                reply = await self._ask(request, mode, passed)
            except InvalidRequest as error:
                below = None if mode is None or mode in self._proven else next_mode(mode)
                if below is None or mode is None:
                    raise first_refusal or error from None
                first_refusal = first_refusal or error
                passed.append(_MEMBERS[mode])
                mode = below
                continue
            if mode is not None:
                self._settle(mode, passed, reply)
            return reply

    def _settle(self, mode: AnswerMode, passed: list[str], reply: ModelReply) -> None:
        """Ask in this way from now on; after prose under a schema, which was taken and not honoured, one step below."""
        if passed:
            self._mode, self._passed = mode, tuple(dict.fromkeys((*self._passed, *passed)))
        if mode == "json_schema" and reply.data is None and reply.stop_reason == "end_turn":
            self._mode = "forced_tool"
            self._passed = tuple(dict.fromkeys((*self._passed, _MEMBERS[mode])))
        else:
            self._proven.add(mode)

    async def _ask(self, request: ModelRequest, mode: AnswerMode | None, passed: list[str]) -> ModelReply:
        may_drop = self._drops or mode is not None
        while True:
            fitted = await self._fitted(request, mode)
            if fitted.problem is not None:
                raise InvalidRequest(fitted.problem, code=_NOT_TAKEN)
            if fitted.refused and not may_drop:
                raise InvalidRequest("; ".join(fitted.refused.values()), code=_NOT_TAKEN)
            fitting = fitted.applied_to(request)
            built = await self._checked(fitting, mode)
            answers = answers_to(built.url, built.body, self.name.provider)
            received = await self._received(built, answers, request)
            name = refused_parameter(received) if may_drop else None
            if name is None or name not in fitting.requested:
                break
            self._known[name] = f"does not take {name}"
            self._fits.clear()
        sent = sent_in(built.body) | ({} if mode is None else {"answer_mode": mode})
        left_out = (*fitted.refused, *dict.fromkeys((*self._passed, *passed) if mode is not None else ()))
        timing = received.timing if request.is_timed else None
        around = Circumstances(sent, left_out, None, timing)
        return self._reply(received, answers, fitting, mode, around)

    async def _fitted(self, request: ModelRequest, mode: AnswerMode | None) -> Fitted:
        """What the model takes. A run asks in few ways: each is fitted once."""
        asked = (request.sampling, request.service, mode, request.is_timed)
        if asked not in self._fits:
            table = self._access.table
            self._fits[asked] = await fit(
                request,
                mode,
                self._build,
                takes_cache_marks=table.protocol == "anthropic",
                known={name: why for name, why in self._known.items() if name in request.requested},
            )
        return self._fits[asked]

    async def _build(self, request: ModelRequest, mode: AnswerMode | None) -> Built:
        parameters = parameters_of(request, mode, self._access.table)
        try:
            return await library.build(parameters | self._access.parameters())
        except NotTaken:
            raise
        except Exception as error:  # LiteLLM and what it makes tokens with raise anything; strangers go on as they are
            meaning = build_error(error, self._redact, has_tokens=self._access.table.signs_with_tokens)
            if meaning is None:
                raise
            raise meaning from None

    async def _checked(self, request: ModelRequest, mode: AnswerMode | None) -> Built:
        """The request to send; compared once more, because it is this one that counts."""
        try:
            built = await self._build(request, mode)
        except NotTaken as error:
            raise InvalidRequest(self._redact(str(error)), code=_NOT_TAKEN) from None
        problems = list(differences(request.sampling, built.body).values())
        if mode is not None and mode_in(built.body) != mode:
            problems.append(f"{mode} would be sent as {mode_in(built.body)}")
        if problems:
            raise InvalidRequest("; ".join(problems), code=_NOT_TAKEN)
        return built

    async def _received(self, built: Built, answers: Answers, request: ModelRequest) -> Received:
        try:
            if request.is_timed:
                return await self._sender.stream(built, answers.text_of)
            return await self._sender.send(built)
        except Exception as error:  # the HTTP client raises its own and bare errors; strangers go on as they are
            meaning = of_exception(error, self._redact)
            if meaning is None:
                raise
            # Without its cause: its text may hold an address with what is in it.
            raise meaning from None

    def _reply(
        self,
        received: Received,
        answers: Answers,
        request: ModelRequest,
        mode: AnswerMode | None,
        around: Circumstances,
    ) -> ModelReply:
        body = self._body(received, answers)
        told = request_id(received.headers, body)
        try:
            around = Circumstances(around.sent, around.unsupported, told, around.timing)
            return reply_of(
                answers.read(mapping(body, "the body")),
                form=request.form,
                mode=mode,
                around=around,
                estimate=lambda text: self._estimated(request, text),
            )
        except NotAnAnswer as error:
            raise MalformedBody(str(error), code="MalformedBody", http_status=200, request_id=told) from None

    def _body(self, received: Received, answers: Answers) -> Any:
        """The answer's JSON, of a stream as it would have come without one.

        Raises:
            CallError: it is an error, or no whole answer.
        """
        told = request_id(received.headers, None)
        if received.status != 200 or (not received.events and error_in(_json(received.body))):
            raise self._failure(received)
        if received.events is None:
            body = _json(received.body)
            if body is None:
                raise MalformedBody("the body is no JSON", code="MalformedBody", http_status=200, request_id=told)
            return body
        for event in received.events:
            if error_in(event) is not None:
                raise of_stream(event, received, self._redact)
        if received.unreadable:
            raise BrokenStream("an event is no JSON", code="BrokenStream", http_status=200, request_id=told)
        try:
            return answers.assembled(received.events)
        except EndedEarly as error:
            raise BrokenStream(str(error), code="BrokenStream", http_status=200, request_id=told) from None
        except NotAnAnswer as error:
            raise MalformedBody(str(error), code="MalformedBody", http_status=200, request_id=told) from None

    def _failure(self, received: Received) -> CallError:
        return of_response(
            received,
            key_variable=self._access.key_variable,
            has_tokens=self._access.table.signs_with_tokens,
            redact=self._redact,
        )

    def _estimated(self, request: ModelRequest, text: str) -> Usage:
        """Where the provider tells no tokens: what a tokenizer makes of the words, which may be another model's."""
        asked = "\n".join((request.system or "", *(message.text for message in request.messages)))
        return Usage(library.estimated_tokens(asked), library.estimated_tokens(text))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
