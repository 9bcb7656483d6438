"""How is the S3 sink of a run built, and its bucket checked? Imports the SDK only when used."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment
from trialbed.settings import Settings
from trialbed.sinks.ledger import Ledger

if TYPE_CHECKING:
    from trialbed.sinks.s3.sink import S3Sink
    from trialbed.sinks.s3.target import S3Target


_CHECK_ANSWER_S = 10.0


def s3_is_wanted(settings: Settings) -> bool:
    return settings.runner_s3_bucket is not None


def s3_target(settings: Settings) -> "S3Target":
    """The bucket that the settings name.

    Raises:
        UserError: they name none, or contradict each other.
    """
    from trialbed.sinks.s3.target import S3Target

    if settings.runner_s3_bucket is None:
        raise UserError("RUNNER_S3_BUCKET: is not set; name the bucket to write to")
    try:
        return S3Target(
            bucket=settings.runner_s3_bucket,
            prefix=settings.runner_s3_prefix,
            region=settings.aws_region,
            encryption=settings.runner_s3_encryption,
            kms_key_id=settings.runner_s3_kms_key_id,
        )
    except ValueError:
        raise UserError(
            "RUNNER_S3_KMS_KEY_ID: is set although RUNNER_S3_ENCRYPTION is not aws:kms; set that, or unset the key"
        ) from None


async def check_s3(settings: Settings) -> list[str]:
    """Look whether the bucket is there; what may pass by itself is returned.

    Raises:
        UserError: it is not, or nobody may look: the user must mend it before anything is paid.
    """
    if not s3_is_wanted(settings):
        return []
    from trialbed.sinks.s3.faults import Passing, Refused
    from trialbed.sinks.s3.store import open_store
    from trialbed.sinks.s3.target import Pace

    try:
        async with open_store(s3_target(settings), Pace(answer_s=_CHECK_ANSWER_S)) as store:
            warning = await store.check()
    except Refused as refused:
        raise UserError(str(refused)) from None
    except Passing as fault:
        warning = str(fault)
    return [] if warning is None else [warning]


def s3_sink(
    settings: Settings,
    ledger: Ledger,
    run_id_of: Callable[[str], str],
    experiment: Experiment,
    announce: Callable[[str], None],
) -> "S3Sink":
    """The sink of a run; it owes whatever the journal does not show as delivered."""
    from trialbed.sinks.s3.sink import S3Sink

    return S3Sink(
        ledger=ledger,
        target=s3_target(settings),
        run_id_of=run_id_of,
        summarise=experiment.summary,
        clock=SystemClock(),
        random=Random(),
        announce=announce,
    )
