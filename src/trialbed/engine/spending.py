"""What has a run cost, and may another call be made? A plain account, and a thin shell in which calls wait.

Every attempt holds what it can cost at most before it is sent, and gives it back for what it did cost. So
spent, presumed and held together never pass the limit, however many calls are in flight.
"""

from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

import anyio

from trialbed.core.errors import (
    BrokenStream,
    CallError,
    ConnectionCut,
    Drained,
    GaveUp,
    MalformedBody,
    ModelStopped,
    ModelTimedOut,
)
from trialbed.core.model import ModelName, ModelRequest, Usage
from trialbed.core.price import Price, cost_usd, most_usd, usd

PROBABLY_PAID: Final = (ConnectionCut, ModelTimedOut, MalformedBody, BrokenStream)
"""Failures after which the model has probably worked all the same."""

_NOT_PAID: Final = (CallError, Drained, GaveUp, ModelStopped)


class Spending:
    """What the run has cost, may have cost and is about to cost; the limit. All in US dollars.

    `spent_usd` is known: answered calls, those of earlier sittings and of the preflight included.
    `presumed_usd` are upper bounds: attempts that failed but were probably paid, and answers whose price
    is not known although their model's is. `held_usd` is reserved for attempts in flight; without a
    limit nothing is held. `unknown` counts answered calls without a known price. `refused_usd` is what the
    call could have cost that the limit left no room for.
    """

    def __init__(
        self,
        *,
        prices: Mapping[ModelName, Price | None],
        limit_usd: float | None = None,
        on_exhausted: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_exhausted` is told once that the limit is reached."""
        self.limit_usd = limit_usd
        self.spent_usd = 0.0
        self.presumed_usd = 0.0
        self.held_usd = 0.0
        self.unknown = 0
        self.is_exhausted = False
        self.refused_usd = 0.0
        self._prices = prices
        self._on_exhausted = on_exhausted
        self._in_flight = 0
        self._waiting: deque[Hold] = deque()

    def price(self, model: ModelName) -> Price | None:
        return self._prices.get(model)

    def hold(self, request: ModelRequest) -> "Hold":
        """Held for one attempt, `async with spending.hold(request) as hold`.

        Entering waits while the call might pass the limit and others in flight may settle for less.

        Raises:
            Drained: on entering: the limit leaves no room for this call.
        """
        return Hold(self, request)

    def paid(self, model: ModelName, usage: Usage, tier: str | None = None) -> float | None:
        """Count a call that was made without a hold; returns its cost, None if it is not known."""
        cost = cost_usd(usage, self._prices.get(model), tier)
        self.counted(cost)
        return cost

    def counted(self, known_usd: float | None, *, presumed_usd: float = 0.0) -> None:
        """Add what is known of a call, or of an earlier sitting; None = a call of unknown cost."""
        self.unknown += known_usd is None
        self.spent_usd += known_usd or 0.0
        self.presumed_usd += presumed_usd

    def resumed(self, *, spent_usd: float, presumed_usd: float, unknown: int) -> None:
        """Take over what earlier sittings of the run have cost."""
        self.spent_usd += spent_usd
        self.presumed_usd += presumed_usd
        self.unknown += unknown

    @property
    def counted_usd(self) -> float:
        """What counts against the limit, calls in flight left out."""
        return self.spent_usd + self.presumed_usd

    def as_text(self) -> str:
        """How it stands, as people read it: "$1.23 of $5.00"."""
        return cost_text(self.spent_usd, self.presumed_usd, self.unknown, self.limit_usd)

    def most_usd(self, request: ModelRequest) -> float:
        """What a call can cost at most; 0 where its model has no price (see `app.money` for when that may be)."""
        price = self._prices.get(request.model)
        return 0.0 if price is None else most_usd(request, price)

    def cost_of(self, request: ModelRequest, usage: Usage, tier: str | None) -> float | None:
        return cost_usd(usage, self._prices.get(request.model), tier)

    # What follows is for holds only.

    def take(self, hold: "Hold") -> bool:
        """Reserve for `hold`, or put it into the queue; whether it may go on at once.

        Raises:
            Drained: the limit is reached.
        """
        if self.is_exhausted:
            raise Drained
        if not self._waiting and self._fits(hold):
            self._admit(hold)
            return True
        self._waiting.append(hold)
        self._look()
        if self.is_exhausted:
            raise Drained
        return hold.is_admitted

    def give_back(self, hold: "Hold") -> None:
        """The attempt is over; whoever can go on now does."""
        self._in_flight -= 1
        # Exact again whenever nothing is in flight: sums of floats drift.
        self.held_usd = self.held_usd - hold.most_usd if self._in_flight else 0.0
        self._look()

    def leave(self, hold: "Hold") -> None:
        """A waiting call was cancelled."""
        if hold.is_admitted:
            self.give_back(hold)
        elif hold in self._waiting:
            self._waiting.remove(hold)
            self._look()

    def _fits(self, hold: "Hold") -> bool:
        assert self.limit_usd is not None
        return self.spent_usd + self.presumed_usd + self.held_usd + hold.most_usd <= self.limit_usd

    def _admit(self, hold: "Hold") -> None:
        self._in_flight += 1
        self.held_usd += hold.most_usd
        hold.is_admitted = True

    def _look(self) -> None:
        """Let waiting calls go in their order; when the first does not fit and nothing can change that, end it."""
        while self._waiting and self._fits(self._waiting[0]):
            hold = self._waiting.popleft()
            self._admit(hold)
            hold.wake()
        if self._waiting and not self._in_flight and not self.is_exhausted:
            self.is_exhausted = True
            self.refused_usd = self._waiting[0].most_usd
            for hold in self._waiting:
                hold.wake()
            self._waiting.clear()
            self._on_exhausted()


def cost_text(spent_usd: float, presumed_usd: float, unknown: int, limit_usd: float | None) -> str:
    """What a run has cost, in words; "cost unknown" when not one call has a known price."""
    if unknown and not spent_usd and not presumed_usd:
        return "cost unknown"
    parts = [usd(spent_usd)]
    parts += [f"up to {usd(presumed_usd)} presumed"] if presumed_usd else []
    parts += ["unknown"] if unknown else []
    return " + ".join(parts) + (f" of {usd(limit_usd)}" if limit_usd is not None else "")


class Hold:
    """The reservation of one attempt. What passes through it decides what is counted:

    settled → its cost; an error after which the model has probably worked, a cancellation or a bug → the
    upper bound, presumed; any other error of a call → nothing.
    """

    __slots__ = ("_event", "_request", "_settled", "_spending", "is_admitted", "most_usd", "presumed_usd")

    def __init__(self, spending: Spending, request: ModelRequest) -> None:
        self._spending = spending
        self._request = request
        self._settled = False
        self._event: anyio.Event | None = None
        self.is_admitted = False
        self.most_usd = 0.0
        self.presumed_usd: float | None = None
        """Set once an attempt that failed counts as paid: the upper bound of its cost."""

    def settle(self, usage: Usage, tier: str | None = None) -> float | None:
        """The attempt was answered; returns what it cost, None if that is not known."""
        self._settled = True
        spending = self._spending
        cost = spending.cost_of(self._request, usage, tier)
        # A price that is not known all the same counts against the limit, at the most it can be.
        spending.counted(cost, presumed_usd=0.0 if cost is not None else spending.most_usd(self._request))
        return cost

    def wake(self) -> None:
        if self._event is not None:
            self._event.set()

    async def __aenter__(self) -> "Hold":
        spending = self._spending
        if spending.limit_usd is not None:
            self.most_usd = spending.most_usd(self._request)
            if not spending.take(self):
                await self._wait()
        return self

    async def _wait(self) -> None:
        self._event = anyio.Event()
        try:
            await self._event.wait()
        except BaseException:  # a cancelled call must not keep its place, nor what it was just given
            self._spending.leave(self)
            raise
        if not self.is_admitted:
            raise Drained

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        spending = self._spending
        if not self._settled and (isinstance(error, PROBABLY_PAID) or not isinstance(error, _NOT_PAID)):
            self.presumed_usd = self.most_usd or spending.most_usd(self._request)
            spending.counted(0.0, presumed_usd=self.presumed_usd)
        if spending.limit_usd is not None:
            spending.give_back(self)
