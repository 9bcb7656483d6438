"""How is the Hub sink of a run built, and its access checked? Imports the Hub's code only when used."""

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder
from trialbed.settings import Settings
from trialbed.sinks.ledger import Ledger

if TYPE_CHECKING:
    from trialbed.sinks.hub.sink import HubSink
    from trialbed.sinks.hub.target import HubTarget, RunCard


_CHECK_ANSWER_S = 10.0
_CHECK_S = 60.0


def hub_is_wanted(settings: Settings) -> bool:
    return settings.hf_repo_id is not None and settings.hf_token is not None


def target_of(settings: Settings) -> "HubTarget":
    """The dataset that the settings name.

    Raises:
        UserError: they name none.
    """
    from trialbed.sinks.hub.target import HubTarget

    if settings.hf_repo_id is None or settings.hf_token is None:
        raise UserError("HF_TOKEN and HF_REPO_ID: both are needed to reach the Hub; set them in .env or the shell")
    return HubTarget(
        repo_id=settings.hf_repo_id,
        token=settings.hf_token.get_secret_value(),
        layout=settings.hf_layout,
        private=settings.hf_private,
        commit_every_s=settings.hf_commit_every_s,
    )


async def check_hub(settings: Settings) -> tuple[list[str], list[str]]:
    """What stands in the way of uploads: what the user must mend, and what may pass by itself."""
    if not hub_is_wanted(settings):
        return [], []
    from trialbed.sinks.hub.access import check_access
    from trialbed.sinks.hub.daemon import in_daemon
    from trialbed.sinks.hub.faults import Unreached
    from trialbed.sinks.hub.target import Pace

    work = partial(check_access, target_of(settings), pace=Pace(answer_s=_CHECK_ANSWER_S))
    try:
        found = await in_daemon(work, limit_s=_CHECK_S)
    except Unreached as silence:
        return [], [f"the Hub cannot be reached ({silence})"]
    return [str(problem) for problem in found if not problem.may_pass], [str(p) for p in found if p.may_pass]


def card_of(folder: RunFolder, known: Mapping[str, Any], provenance: Mapping[str, Any]) -> "RunCard":
    """What the dataset's card says of this run. `known` is the content of its plan.json."""
    from trialbed.sinks.hub.target import RunCard

    plan = known["plan"]
    return RunCard(
        experiment=plan["experiment"],
        version=plan["version"],
        run=folder.name,
        plan=dict(plan),
        plan_hash=known["plan_hash"],
        provenance=dict(provenance),
        subjects=tuple(plan["subjects"]),
        planned=known["planned"],
    )


def hub_sink(
    settings: Settings,
    ledger: Ledger,
    card: "RunCard",
    announce: Callable[[str], None],
    *,
    check_published: bool = False,
) -> "HubSink":
    """The sink of a run; it owes whatever the journal does not show as delivered.

    `check_published` has it look on the Hub for what the journal shows as delivered, too.
    """
    from trialbed.sinks.hub.sink import HubSink

    return HubSink(
        ledger=ledger,
        target=target_of(settings),
        card=card,
        clock=SystemClock(),
        random=Random(),
        announce=announce,
        check_published=check_published,
    )
