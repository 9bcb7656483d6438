"""In which protocol will an answer come? As the request was made; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from trialbed.providers.litellm.answers import anthropic, chat, cohere, gemini, responses
from trialbed.providers.litellm.answers.reading import Reading


@dataclass(frozen=True, slots=True)
class Answers:
    """How the answers of one protocol are read; see this package's docstring."""

    text_of: Callable[[Any], str]
    assembled: Callable[[Sequence[Any]], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any]], Reading]


_CHAT = Answers(chat.text_of, chat.assembled, chat.read)
_ANTHROPIC = Answers(anthropic.text_of, anthropic.assembled, anthropic.read)
_GEMINI = Answers(gemini.text_of, gemini.assembled, gemini.read)
_COHERE = Answers(cohere.text_of, cohere.assembled, cohere.read)
_RESPONSES = Answers(responses.text_of, responses.assembled, responses.read)


def answers_to(url: str, body: Mapping[str, Any], provider: str) -> Answers:
    """How the answer to such a request is read. One provider may serve models of several makers."""
    path = urlsplit(url).path
    if path.endswith("enerateContent"):
        return _GEMINI
    if path.endswith("/messages") or "anthropic_version" in body:
        return _ANTHROPIC
    if path.endswith("/responses"):
        return _RESPONSES
    return _COHERE if provider == "cohere" else _CHAT
