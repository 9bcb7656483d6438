"""Which models may still be called? Stopped models, and the pause while credentials are renewed."""

from collections.abc import Awaitable, Callable, Mapping

import anyio

from trialbed.core.errors import CallError, CredentialsExpired, GaveUp, InvalidRequest, ModelStopped
from trialbed.core.model import ModelName, ModelRequest, Role
from trialbed.engine.drain import Drain

RETRY_CREDENTIALS_S = 60.0
_MOST_REFUSED = 10_000

Refresh = Callable[[], Awaitable[None]]


class Paused(Exception):
    """Credentials are being renewed: wait until the gate is open, then go on."""


class Gate:
    """Shared by all calls of a run.

    `refresh` has, for a provider, how its credentials are read anew. `announce` tells the user; of stopped models only
    if it `tells_of_stops`.
    """

    def __init__(
        self,
        *,
        drain: Drain,
        refresh: Mapping[str, Refresh],
        announce: Callable[[str], None],
        on_stop: Callable[[ModelName, str], None],
        retry_credentials_s: float = RETRY_CREDENTIALS_S,
        tells_of_stops: bool = True,
    ) -> None:
        self._stopped: dict[tuple[ModelName, Role | None], str] = {}
        self._refused: dict[str, CallError] = {}
        self._proven: set[tuple[ModelName, Role]] = set()
        self._drain = drain
        self._refresh = refresh
        self._announce = announce
        self._on_stop = on_stop
        self._retry_s = retry_credentials_s
        self._tells_of_stops = tells_of_stops
        self._renewals: dict[str, _Renewal] = {}

    def check(self, request: ModelRequest, role: Role) -> None:
        """Raises:
        ModelStopped: this model was stopped, for all or for this role; the text says why.
        GaveUp: the very same request was refused before and would be refused again.
        """
        for key in ((request.model, None), (request.model, role)):
            if key in self._stopped:
                raise ModelStopped(self._stopped[key])
        if self._refused and request.content_hash in self._refused:
            raise GaveUp(self._refused[request.content_hash], attempts=0)

    def is_stopped(self, model: ModelName, role: Role) -> bool:
        return (model, None) in self._stopped or (model, role) in self._stopped

    def stop(self, model: ModelName, why: str, role: Role | None = None) -> None:
        """No further call to `model`, or only none in one role; said once."""
        if (model, role) not in self._stopped:
            self._stopped[model, role] = why
            self._on_stop(model, why)
            as_role = "" if role is None else f" as {role}"
            if self._tells_of_stops:
                self._announce(
                    f"{model} is stopped{as_role}: {why}; trials that still need it end in provider_error or "
                    "judge_error"
                )

    def give_another_chance(self) -> None:
        """Forget what was stopped and refused, and that credentials were of no use: another moment, another answer."""
        self._stopped.clear()
        self._refused.clear()
        for renewal in self._renewals.values():
            renewal.in_a_row = 0

    def has_renewed_in_vain(self, provider: str, seen: int) -> bool:
        """Whether an attempt of generation `seen` was made with the newest credentials, which were read anew since they
        were last taken."""
        renewal = self._renewal(provider)
        return renewal.count == seen and renewal.in_a_row > 0

    def gave_up(self, request: ModelRequest, error: CallError) -> None:
        """A request ended without an answer. One that is not taken as it is need not be sent again."""
        if isinstance(error, InvalidRequest) and len(self._refused) < _MOST_REFUSED:
            self._refused[request.content_hash] = error

    def prove(self, model: ModelName, role: Role) -> None:
        """`model` has answered with the parameters of that role."""
        self._proven.add((model, role))

    def is_proven(self, model: ModelName, role: Role) -> bool:
        return (model, role) in self._proven

    def generation(self, provider: str) -> int:
        """Counts renewals of a provider's credentials; note it before an attempt."""
        return self._renewal(provider).count

    def check_open(self, provider: str) -> None:
        """Raises:
        Paused: a renewal has begun since this call last looked.
        """
        if self._renewal(provider).over is not None:
            raise Paused

    async def wait_open(self, provider: str) -> None:
        """Return when no renewal is under way."""
        # Not by the lock: those who only waited would hold it in turn, and each find the gate closed by the next.
        while (over := self._renewal(provider).over) is not None:
            await over.wait()

    async def renew(self, provider: str, seen: int, error: CredentialsExpired) -> None:
        """Wait until credentials were read anew; `seen` is the generation the failed attempt used.

        The first renewal is immediate, further ones are spaced by the retry interval.

        Raises:
            Drained: the run is stopping.
        """
        renewal = self._renewal(provider)
        async with renewal.lock:
            if renewal.count != seen:
                return
            renewal.over = anyio.Event()
            try:
                await self._renew(provider, renewal, error)
            finally:
                renewal.over.set()
                renewal.over = None

    async def _renew(self, provider: str, renewal: "_Renewal", error: CredentialsExpired) -> None:
        # Every call that waits comes here after a signal: what was said is not said again.
        if renewal.in_a_row and not renewal.said:
            renewal.said = True
            self._announce(
                f"{provider}: the credentials are no longer taken ({error.code}); the run is paused and tries "
                f"again every {self._retry_s:.0f} s: renew them, nothing is lost"
            )
        await self._drain.sleep(self._retry_s if renewal.in_a_row else 0.0)
        if provider in self._refresh:
            await self._refresh[provider]()
        renewal.count += 1
        renewal.in_a_row += 1

    def taken(self, provider: str) -> None:
        """The credentials of `provider` were taken: a later expiry starts over."""
        renewal = self._renewals.get(provider)
        if renewal is not None and renewal.in_a_row:
            if renewal.said:
                self._announce(f"{provider}: the credentials are taken again; the run goes on")
            renewal.in_a_row = 0
            renewal.said = False

    def _renewal(self, provider: str) -> "_Renewal":
        renewal = self._renewals.get(provider)
        if renewal is None:
            renewal = self._renewals[provider] = _Renewal()
        return renewal


class _Renewal:
    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.over: anyio.Event | None = None
        """While a renewal is under way: what happens at its end."""
        self.count = 0
        self.in_a_row = 0
        self.said = False
