"""How are models opened so that one provider's trouble is that of its models alone?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from trialbed.app.models import Models, open_models
from trialbed.core.errors import ModelUnavailable, UserError
from trialbed.core.model import Model, ModelName, ModelReply, ModelRequest
from trialbed.providers.names import RUNNABLE
from trialbed.settings import Settings

UNSUPPORTED, NOT_SET_UP = "UnsupportedProvider", "NotSetUp"


class Closed:
    """A model that cannot be asked: whoever does is told why."""

    def __init__(self, why: str, *, code: str) -> None:
        self._why = why
        self._code = code

    async def converse(self, request: ModelRequest) -> ModelReply:
        raise ModelUnavailable(self._why, code=self._code)


@asynccontextmanager
async def open_each(
    names: Sequence[ModelName], settings: Settings, *, personas: Sequence[Any], seed: int
) -> AsyncIterator[Models]:
    """Open every model that can be. Those of a provider that is unknown, or not set up, are `Closed`."""
    async with AsyncExitStack() as stack:
        models = Models()
        for provider in dict.fromkeys(name.provider for name in names):
            own = [name for name in names if name.provider == provider]
            if provider not in RUNNABLE:
                known = ", ".join(sorted(RUNNABLE))
                models.by_name |= _closed(own, f"Unsupported provider: {provider}; there is: {known}", UNSUPPORTED)
                continue
            opening = open_models(own, settings, personas=personas, seed=seed, is_timed=True)
            try:
                found = await stack.enter_async_context(opening)
            except UserError as error:
                models.by_name |= _closed(own, str(error), NOT_SET_UP)
            else:
                models.by_name |= found.by_name
                models.refresh |= found.refresh
                models.behind |= found.behind
        yield models


def _closed(names: Sequence[ModelName], why: str, code: str) -> Mapping[ModelName, Model]:
    return {name: Closed(" ".join(why.split()), code=code) for name in names}
