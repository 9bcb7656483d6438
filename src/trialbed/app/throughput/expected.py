"""Which models are to be measured? Those of the command line, of the environment, or of a list on the web.

A name of a provider that is not known is no reason to stop: its models fail, each for itself, like any other that
cannot be reached.
"""

from collections.abc import Iterable
from pathlib import Path

from trialbed.app.roster import Roster, is_roster, roster_in
from trialbed.app.throughput.remote import Entry
from trialbed.core.model import ModelName
from trialbed.providers.names import ALIASES, KNOWN


def named_models(text: str, provider: str, root: Path) -> Roster:
    """The models of a comma-separated list of `id` or `provider:id`, in order, each once; or of a roster file.

    Raises:
        UserError: the file cannot be read, or is no roster.
    """
    if is_roster(text):
        return roster_in(text, root)
    return Roster(listed_models(((None, part) for part in text.split(",")), provider))


def listed_models(entries: Iterable[Entry], provider: str) -> tuple[ModelName, ...]:
    """The models of a list whose entries may say a provider of their own; `provider` is that of the others.

    What stands before the first colon of an id is a provider only if it is a known one: Bedrock's ids hold colons.
    """
    found = [_name(own, text.strip(), provider) for own, text in entries if text.strip()]
    return tuple(dict.fromkeys(found))


def _name(own: str | None, text: str, provider: str) -> ModelName:
    head, colon, rest = text.partition(":")
    if own is None and colon and _key(head) in KNOWN and rest.strip():
        return ModelName(_key(head), rest.strip())
    return ModelName(_key(own or provider), text)


def _key(provider: str) -> str:
    given = provider.strip().lower()
    return ALIASES.get(given, given)
