"""How are models opened so that one provider's trouble is that of its models alone?"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from trialbed.app.models import Models, open_models
from trialbed.core.errors import ModelUnavailable, UserError
from trialbed.core.model import ModelName, ModelReply, ModelRequest
from trialbed.providers.names import KNOWN
from trialbed.settings import Settings

UNSUPPORTED, NOT_SET_UP = "UnsupportedProvider", "NotSetUp"


class Closed:
    """A model that cannot be asked: whoever does is told why."""

    def __init__(self, why: str, *, code: str) -> None:
        self._why = why
        self._code = code

    async def converse(self, request: ModelRequest) -> ModelReply:
        raise ModelUnavailable(self._why, code=self._code)


@dataclass
class Opening:
    """The models that are open, and how those that are not can be tried again."""

    models: Models
    closed: dict[ModelName, str]
    again: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_each(
    names: Sequence[ModelName], settings: Settings, *, personas: Sequence[Any], seed: int
) -> AsyncIterator[Opening]:
    """Open every model that can be. Those of a provider that is unknown, or not set up, are `Closed`.

    `again` tries those of known providers once more: credentials may have come meanwhile.
    """
    async with AsyncExitStack() as stack:

        async def again() -> None:
            waiting = tuple(opening.closed)
            for provider in dict.fromkeys(name.provider for name in waiting):
                own = [name for name in waiting if name.provider == provider]
                await _open(stack, opening, own, partial(_opened, own, settings, personas, seed))

        opening = Opening(Models(), {}, again)
        for name in names:
            if name.provider not in KNOWN:
                known = ", ".join(sorted(KNOWN))
                why = f"Unsupported provider: {name.provider}; there is: {known}"
                opening.models.by_name[name] = Closed(why, code=UNSUPPORTED)
            else:
                opening.closed[name] = ""
        await again()
        yield opening


def _opened(
    own: Sequence[ModelName], settings: Settings, personas: Sequence[Any], seed: int
) -> AbstractAsyncContextManager[Models]:
    return open_models(own, settings, personas=personas, seed=seed, is_timed=True)


async def _open(
    stack: AsyncExitStack,
    opening: Opening,
    own: Sequence[ModelName],
    opened: Callable[[], AbstractAsyncContextManager[Models]],
) -> None:
    """Open one provider's models, or close them with the reason why they are not."""
    try:
        found = await stack.enter_async_context(opened())
    except UserError as error:
        for name in own:
            why = opening.closed[name] = " ".join(str(error).split())
            opening.models.by_name[name] = Closed(why, code=NOT_SET_UP)
        return
    # In place: whoever makes the calls looks models up in this very mapping.
    opening.models.by_name.update(found.by_name)
    opening.models.refresh.update(found.refresh)
    opening.models.behind.update(found.behind)
    for name in own:
        del opening.closed[name]
