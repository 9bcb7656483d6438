"""Which sentences could a judge quote, and which member of its answer is a quote? Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

from trialbed.providers.rehearsal.call import RehearsalCall

_QUOTE_NAME = re.compile(r"quot|critical_response|excerpt|evidence|citation|verbatim", re.IGNORECASE)
_TRANSCRIPT = re.compile(
    r"<([a-z_]*(?:transcript|conversation|dialogue)[a-z_]*)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL
)
_SPEAKER = re.compile(r"^[^:\n]{1,40}:[ \t]+", re.MULTILINE)
_SENTENCE = re.compile(r"\S[^.!?\n]*[.!?]")


def is_quote(name: str) -> bool:
    """Whether a member of this name is meant to hold words of the transcript."""
    return bool(_QUOTE_NAME.search(name))


def sentences(call: RehearsalCall) -> list[str]:
    """Sentences of what is being judged, each a verbatim piece of it.

    In order of preference: what assistants said in a marked transcript, the whole transcript, what the
    assistant said in this very conversation, the last message.
    """
    marked = _TRANSCRIPT.search(call.last)
    texts = list(_texts(marked.group(2))) if marked else []
    if not texts:
        texts = [message.text for message in call.messages if message.role == "assistant"]
    return _split(texts) or _split([call.last])


def _split(texts: list[str]) -> list[str]:
    found = [sentence.strip() for text in texts for sentence in _SENTENCE.findall(_SPEAKER.sub("", text))]
    return [sentence for sentence in found if len(sentence.split()) >= 3] or found


def _texts(transcript: str) -> Iterator[str]:
    """The turns of a transcript that is JSON, the assistant's if there are any, else the text as it is."""
    try:
        turns = json.loads(transcript)
    except ValueError:
        yield transcript
        return
    if isinstance(turns, dict):
        turns = next((value for value in turns.values() if isinstance(value, list)), [])
    said = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    own = [turn for turn in said if turn.get("role") == "assistant"]
    yield from (_words(turn) for turn in own or said)


def _words(turn: dict[str, Any]) -> str:
    return next((str(turn[name]) for name in ("content", "text", "message") if name in turn), "")
