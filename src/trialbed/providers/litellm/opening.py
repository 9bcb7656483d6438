"""How are the models of one such provider opened?"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.providers.litellm import library
from trialbed.providers.litellm.access import Access, access_to
from trialbed.providers.litellm.http import open_sender
from trialbed.providers.litellm.model import LiteLlmModel


@asynccontextmanager
async def open_provider(
    names: Sequence[ModelName],
    *,
    on_unsupported: Literal["refuse", "drop"],
    most_connections: int,
    read_timeout_s: float,
    is_timed: bool,
) -> AsyncIterator[dict[ModelName, LiteLlmModel]]:
    """The models `names`, all of one provider, with the key and the address in the environment.

    Raises:
        UserError: the key, an address or the package is missing or wrong; one line for each.
    """
    provider = names[0].provider
    access = access_to(provider, os.environ)
    _check_key_file(access)
    library.check_installed(str(names[0]), needs_google_auth=access.table.signs_with_tokens)
    await library.load()
    async with open_sender(
        most_connections=most_connections, read_timeout_s=read_timeout_s, is_timed=is_timed
    ) as sender:
        yield {name: LiteLlmModel(sender, name, access, on_unsupported) for name in names}


def _check_key_file(access: Access) -> None:
    """Raises:
    UserError: the file that is to hold the credentials is not there.
    """
    path = access.settings.get("vertex_credentials")
    if path is not None and not Path(path).is_file():
        raise UserError(f"{access.key_variable}: names no file; name the key file of a service account, or unset it")
