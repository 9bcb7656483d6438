"""Does a run send results to the user's own server, and how is that sink built? Imports its code only when used."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment
from trialbed.core.http_rules import is_header_value
from trialbed.settings import Settings
from trialbed.sinks.ledger import Ledger

if TYPE_CHECKING:
    from trialbed.sinks.ingest.sink import IngestSink
    from trialbed.sinks.ingest.target import IngestTarget


def ingest_is_wanted(settings: Settings) -> bool:
    return settings.ingest_api_url is not None and settings.ingest_api_key is not None


def has_results(experiment: Experiment) -> bool:
    """Whether an experiment has anything for a results server; where not, its failures are none of its business."""
    return type(experiment).for_ingest is not Experiment.for_ingest


def ingest_problems(settings: Settings) -> list[str]:
    """Both of INGEST_API_URL and INGEST_API_KEY, or neither; an address that may be used, a key that can be sent."""
    url, key = settings.ingest_api_url, settings.ingest_api_key
    problems = []
    if url is None and key is not None:
        problems.append("INGEST_API_URL: not set although INGEST_API_KEY is; name the server's address, or unset both")
    if key is None and url is not None:
        problems.append("INGEST_API_KEY: not set although INGEST_API_URL is; set the server's key, or unset both")
    if url is not None:
        from trialbed.sinks.ingest.address import address_problem

        problem = address_problem(url)
        problems += [f"INGEST_API_URL: {problem}"] if problem else []
    if key is not None and not is_header_value(key.get_secret_value()):
        problems.append("INGEST_API_KEY: holds signs that a header may not have (only ASCII, no spaces); correct it")
    return problems


def ingest_target(settings: Settings) -> "IngestTarget":
    """The server that the settings name.

    Raises:
        UserError: they name none, or one that may not be used.
    """
    from trialbed.sinks.ingest.target import IngestTarget

    if problems := ingest_problems(settings):
        raise UserError("\n".join(problems))
    if settings.ingest_api_url is None or settings.ingest_api_key is None:
        raise UserError("INGEST_API_URL and INGEST_API_KEY: both are needed to send results; set them")
    return IngestTarget(settings.ingest_api_url, settings.ingest_api_key.get_secret_value(), settings.ingest_batch_size)


async def check_ingest(settings: Settings) -> list[str]:
    """Look where the address leads, without sending anything; what may pass by itself is returned.

    Raises:
        UserError: it may not be used: the user must mend it before anything is paid.
    """
    if not ingest_is_wanted(settings):
        return []
    target = ingest_target(settings)
    from trialbed.sinks.ingest.faults import Passing, Refused
    from trialbed.sinks.ingest.resolver import look_up

    try:
        await look_up(target)
    except Refused as refused:
        raise UserError(str(refused)) from None
    except Passing as fault:
        return [str(fault)]
    return []


def ingest_sink(
    settings: Settings, ledger: Ledger, nonce: str, experiment: Experiment, announce: Callable[[str], None]
) -> "IngestSink":
    """The sink of a run; it owes whatever the journal does not show as settled. `nonce` is the run's own."""
    from trialbed.sinks.ingest.sink import IngestSink

    return IngestSink(
        ledger=ledger,
        target=ingest_target(settings),
        nonce=nonce,
        for_ingest=experiment.for_ingest,
        clock=SystemClock(),
        random=Random(),
        announce=announce,
    )
