"""How is the Hub sink of a run built, and its access checked? Imports the Hub's libraries only when used."""

from collections.abc import Callable

from trialbed.engine.recording import RunFacts
from trialbed.settings import Settings
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.sink import Sink


async def check_hub(settings: Settings) -> list[str]:
    return []


def hub_sink(settings: Settings, journal: Journal, facts: RunFacts, announce: Callable[[str], None]) -> Sink | None:
    return None
