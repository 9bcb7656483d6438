"""How is the Hub's client library made bounded, quiet and free of retries of its own?

Nothing of it is imported before `prepared` is called: it reads its HF_* variables when it is imported.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trialbed.sinks.hub.faults import QuotaReached, Unreached
from trialbed.sinks.hub.target import Pace

if TYPE_CHECKING:
    import httpx2

_QUIET = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
_lock = threading.Lock()
_in_our_call = threading.local()


def prepared(pace: Pace) -> None:
    """Import the library and bound every request it makes in this process. Safe to call again."""
    with _lock:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        import huggingface_hub

        # Asked of the session itself: another user of the library may have put theirs in its place.
        if getattr(huggingface_hub.get_session(), "pace", None) == pace:
            return
        from huggingface_hub.utils.tqdm import disable_progress_bars

        # For the case that somebody imported the library before its variables were set.
        huggingface_hub.constants.HF_HUB_DISABLE_XET = True
        disable_progress_bars()
        # What it has to say comes as exceptions; its warnings would run into the progress display.
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        huggingface_hub.set_client_factory(_factory(pace))


@contextmanager
def our_call() -> Iterator[None]:
    """Inside, a failed request raises a fault of ours at once; the library would try some of them again."""
    _in_our_call.on = True
    try:
        yield
    finally:
        _in_our_call.on = False


def _factory(pace: Pace) -> "Callable[[], httpx2.Client]":
    import httpx2
    from huggingface_hub.utils._http import default_client_factory

    class Bounded(httpx2.Client):
        pace: Pace

        def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            if not getattr(_in_our_call, "on", False):
                return super().send(request, **options)
            try:
                response = super().send(request, **options)
            except httpx2.TransportError as error:
                raise Unreached(_name_of(error)) from error
            _raise_passing(response)
            return response

    def build() -> httpx2.Client:
        # The library's own hooks stay: they carry its offline switch and its request ids.
        hooks = default_client_factory().event_hooks
        timeout = httpx2.Timeout(pace.answer_s, connect=pace.connect_s, pool=pace.connect_s)
        client = Bounded(event_hooks=hooks, follow_redirects=True, timeout=timeout)
        client.pace = pace
        return client

    return build


def _raise_passing(response: "httpx2.Response") -> None:
    """Raise for answers that say nothing about the request itself."""
    status = response.status_code
    if status == 429:
        raise QuotaReached("429: too many requests or commits", retry_after_s(response.headers))
    if status >= 500 or status in (408, 425):
        raise Unreached(f"the Hub answered {status}")


def retry_after_s(headers: Any) -> float | None:
    """The wait the Hub asks for: Retry-After in seconds, or the `t` of its RateLimit header."""
    value = str(headers.get("retry-after", "")).strip()
    if value.isdigit():
        return float(value)
    for part in str(headers.get("ratelimit", "")).split(";"):
        name, _, seconds = part.strip().partition("=")
        if name == "t" and seconds.isdigit():
            return float(seconds)
    return None


def _name_of(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
