"""What HTTP request would LiteLLM make of a call? It is asked in earnest, and stopped before anything is sent.

LiteLLM takes some seconds to import, looks for a `.env`, fetches prices and headers from the network, prints advice,
repeats calls, and drops what it thinks a provider does not take. Nothing of that is wanted: it is loaded in a thread
when the first model is opened, told to stay offline and silent, and given a transport that hands the finished request
over instead of sending it.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import Any

from trialbed.core.errors import UserError

_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # in any other it loads whatever `.env` it finds
    "LITELLM_LOG": "ERROR",
    "DISABLE_AIOHTTP_TRANSPORT": "True",
}
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
INSTALL = "run 'make providers', or: pip install 'trialbed[providers]'"


@dataclass(frozen=True, slots=True)
class Built:
    """A whole request: the body as it is sent, and what it says."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)


class NotTaken(Exception):
    """LiteLLM says that this provider or model does not take what was asked."""


class _Handover(BaseException):
    """The finished request, on its way out through LiteLLM and the SDKs that it uses.

    No `Exception`: those are caught on the way, logged, translated, and answered by making the request again.
    """

    def __init__(self, built: Built) -> None:
        super().__init__("a request was built")
        self.built = built


_loading = Lock()
_building: ContextVar[bool] = ContextVar("building", default=False)


def check_installed(model: str, *, needs_google_auth: bool = False) -> None:
    """Whether what calls such a model is there; nothing is imported.

    Raises:
        UserError: it is not, with the command that installs it.
    """
    if not _is_there("litellm"):
        raise UserError(f"{model}: the package litellm is not installed; {INSTALL}")
    if needs_google_auth and not _is_there("google.auth"):
        raise UserError(f"{model}: the package google-auth is not installed; {INSTALL}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # of a module inside a package that is not there
        return False


async def load() -> None:
    """Import LiteLLM, in a thread: it takes seconds.

    Raises:
        UserError: it is installed, and cannot be imported.
    """
    try:
        await asyncio.to_thread(_load_once)
    except ImportError as error:
        raise UserError(f"litellm: cannot be imported ({' '.join(str(error).split())[:200]}); {INSTALL}") from None


async def build(parameters: Mapping[str, Any]) -> Built:
    """The request that LiteLLM would send for these parameters of `acompletion`.

    Raises:
        NotTaken: LiteLLM refuses the parameters, without a word to the provider.
    """
    library = _loaded()
    token = _building.set(True)
    try:
        answer = await library.acompletion(**parameters)
        # Some providers are asked only when the stream is read.
        async for _ in answer:
            break
    except _Handover as handover:
        return handover.built
    except library.exceptions.UnsupportedParamsError as error:
        raise NotTaken(_line(error)) from None
    except (library.exceptions.BadRequestError, ValueError, TypeError, KeyError) as error:
        raise NotTaken(_line(error)) from None
    finally:
        _building.reset(token)
    raise NotTaken("LiteLLM made no request")


def estimated_tokens(text: str) -> int:
    """How many tokens `text` has in the encoding that comes with LiteLLM (cl100k); those of other models would be
    fetched from the network."""
    _loaded()
    from litellm.litellm_core_utils.default_encoding import encoding

    return len(encoding.encode(text, disallowed_special=()))


def price_entry(prefix: str, model: str) -> Mapping[str, Any] | None:
    """What the price map that comes with LiteLLM has on a model; None if nothing."""
    every: Mapping[str, Mapping[str, Any]] = _loaded().model_cost
    for name in (f"{prefix}/{model}", model):
        entry = every.get(name)
        if entry is not None and entry.get("litellm_provider", prefix).startswith(prefix.partition("_chat")[0]):
            return entry
    return None


def library_version() -> str:
    """The version of LiteLLM, which dates its price map."""
    return version("litellm")


def forget_tokens() -> None:
    """Have tokens made anew from the credentials, as far as LiteLLM keeps any."""
    main = _loaded().main
    for name in ("vertex_chat_completion", "vertex_partner_models_chat_completion"):
        kept = getattr(getattr(main, name, None), "_credentials_project_mapping", None)
        if isinstance(kept, dict):
            kept.clear()


def _load_once() -> None:
    with _loading:
        _loaded()


@cache
def _loaded() -> Any:
    os.environ.update(_OFFLINE)
    import httpx
    import litellm
    from litellm.caching.llm_caching_handler import LLMClientCache
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    class Handing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not _building.get():
                raise RuntimeError("LiteLLM makes no calls of its own in this process: trialbed makes them")
            content = await request.aread()
            raise _Handover(Built(str(request.url), _headers(request.headers), content, _object(content)))

    client = httpx.AsyncClient(transport=Handing())

    class Handler(AsyncHTTPHandler):  # type: ignore[misc, unused-ignore]
        def create_client(self, *_: Any, **__: Any) -> httpx.AsyncClient:
            return client

    handler = Handler()

    class Clients(LLMClientCache):  # type: ignore[misc, unused-ignore]
        """Where LiteLLM looks for an HTTP client before it makes one."""

        def get_cache(self, key: str, *arguments: Any, **named: Any) -> Any:
            if key.startswith("async_httpx_client"):
                return handler
            return super().get_cache(key, *arguments, **named)  # type: ignore[no-untyped-call, unused-ignore]

    # Two ways lead from LiteLLM to the network: a handler of its own, and OpenAI's SDK, which takes this client.
    litellm.in_memory_llm_clients_cache = Clients()
    litellm.aclient_session = client
    for name in _LOGGERS:
        # What it logs may hold keys, and every failure is told here anyway.
        logging.getLogger(name).disabled = True
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = False
    litellm.modify_params = False
    litellm.num_retries = 0
    litellm.disable_hf_tokenizer_download = True
    litellm.callbacks, litellm.success_callback, litellm.failure_callback = [], [], []
    return litellm


_OF_THE_CONNECTION = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})


def _headers(headers: Any) -> dict[str, str]:
    """Those that are LiteLLM's to say; the rest belongs to whoever sends."""
    return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION}


def _object(content: bytes) -> Mapping[str, Any]:
    body = json.loads(content)
    return body if isinstance(body, dict) else {}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
