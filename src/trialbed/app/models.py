"""How are the models of a run opened? One client per provider, closed at the run's end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from trialbed.app.prepare import Prepared
from trialbed.core.errors import UserError
from trialbed.core.model import Model, ModelName
from trialbed.settings import Settings

_SILENCE_S = 900.0
"""A model that thinks says nothing for so long."""
_REHEARSAL_LATENCY_S = 0.02
_REHEARSAL_REGION = "us-east-1"


@dataclass
class Models:
    """The models of a run by name, and by provider how its credentials are read anew.

    `behind` has the model that an application inference profile leads to, whose own id names none.
    """

    by_name: dict[ModelName, Model] = field(default_factory=dict)
    refresh: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    behind: dict[ModelName, str] = field(default_factory=dict)


@asynccontextmanager
async def open_models(
    names: Sequence[ModelName], settings: Settings, *, personas: Sequence[Any], seed: int, is_timed: bool = False
) -> AsyncIterator[Models]:
    """Open all clients the named models need; with `is_timed`, such that time streams as exactly as they can.

    Raises:
        UserError: region, credentials, a key or a package are missing; of every provider that is not set up, at once.
    """
    extra = {"personas": personas, "seed": seed, "is_timed": is_timed}
    async with AsyncExitStack() as stack:
        models, problems = Models(), list[str]()
        for provider in dict.fromkeys(name.provider for name in names):
            own = [name for name in names if name.provider == provider]
            try:
                await open_provider(stack, models, own, settings, extra)
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError("\n".join(problems))
        yield models


def models_of(prepared: Prepared) -> AbstractAsyncContextManager[Models]:
    """Open the models of a run as its experiment needs them; see `open_models`."""
    experiment = prepared.found.experiment
    return open_models(
        prepared.models,
        prepared.settings,
        personas=experiment.personas() if prepared.is_rehearsal else (),
        seed=prepared.plan.seed,
        is_timed=experiment.is_timed,
    )


async def open_provider(
    stack: AsyncExitStack, models: Models, names: Sequence[ModelName], settings: Settings, extra: Mapping[str, Any]
) -> None:
    """Open the models `names`, all of one provider, into `models`; `stack` closes their client.

    Args:
        extra: `personas` and `seed` of a rehearsal, and `is_timed`; see `open_models`.

    Raises:
        UserError: this provider is not set up. Those of other providers can be opened all the same.
    """
    await _OPENERS.get(names[0].provider, _open_through_litellm)(stack, models, names, settings, extra)


async def _open_bedrock(
    stack: AsyncExitStack, models: Models, names: Sequence[ModelName], settings: Settings, extra: Mapping[str, Any]
) -> None:
    from trialbed.providers.bedrock.capabilities import capabilities_of, is_opaque
    from trialbed.providers.bedrock.model import BedrockModel
    from trialbed.providers.bedrock.session import open_client

    client = await stack.enter_async_context(
        open_client(
            region=settings.aws_region,
            max_pool_connections=settings.max_concurrency,
            assume_role_arn=settings.bedrock_assume_role_arn,
            external_id=_secret(settings.bedrock_assume_role_external_id),
            read_timeout_s=_read_timeout_s(settings),
            is_timed=extra["is_timed"],
        )
    )
    models.refresh["bedrock"] = client.refresh_credentials
    for name in names:
        behind = await client.model_behind(name.id) if is_opaque(name.id) else None
        if behind is not None:
            models.behind[name] = behind
        known = capabilities_of(name.id, behind)
        models.by_name[name] = BedrockModel(client, name, known, settings.on_unsupported, settings.bedrock_stream)


def _read_timeout_s(settings: Settings) -> float:
    return max(_SILENCE_S, settings.call_deadline_s)


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


async def _open_rehearsal(
    stack: AsyncExitStack, models: Models, names: Sequence[ModelName], settings: Settings, extra: Mapping[str, Any]
) -> None:
    """The same client code, pointed at a server of our own on loopback."""
    from trialbed.providers.bedrock.capabilities import capabilities_of
    from trialbed.providers.bedrock.model import BedrockModel
    from trialbed.providers.bedrock.session import open_client
    from trialbed.providers.rehearsal.config import RehearsalConfig
    from trialbed.providers.rehearsal.server import RehearsalServer

    config = RehearsalConfig(seed=extra["seed"], latency_s=_REHEARSAL_LATENCY_S, latency_spread=0.5)
    server = await stack.enter_async_context(RehearsalServer(config, personas=extra["personas"]))
    client = await stack.enter_async_context(
        open_client(
            region=_REHEARSAL_REGION,
            max_pool_connections=settings.max_concurrency,
            endpoint_url=server.url,
            fixed_keys=("rehearsal", "rehearsal"),
            is_timed=extra["is_timed"],
        )
    )
    for name in names:
        known = capabilities_of(name.id)
        models.by_name[name] = BedrockModel(client, name, known, settings.on_unsupported, settings.bedrock_stream)


async def _open_through_litellm(
    stack: AsyncExitStack, models: Models, names: Sequence[ModelName], settings: Settings, extra: Mapping[str, Any]
) -> None:
    from trialbed.providers.litellm.library import forget_tokens
    from trialbed.providers.litellm.opening import open_provider as open_one

    opening = open_one(
        names,
        on_unsupported=settings.on_unsupported,
        most_connections=settings.max_concurrency,
        read_timeout_s=_read_timeout_s(settings),
        is_timed=extra["is_timed"],
    )
    models.by_name.update(await stack.enter_async_context(opening))

    async def refresh() -> None:
        forget_tokens()

    models.refresh[names[0].provider] = refresh


_OPENERS = {"bedrock": _open_bedrock, "rehearsal": _open_rehearsal}
