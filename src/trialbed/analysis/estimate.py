"""What will a run take: calls, tokens, money? Pure sums of what trials took, seen or imagined, with an interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialbed.analysis.estimate_cells import Kind, Place, Seen, Took, nearest
from trialbed.analysis.estimate_interval import Interval, Share, predict
from trialbed.core.price import Price, cost_usd, usd

Prices = Mapping[str, Price | None]
"""By the name of the model."""

Trials = Mapping[Kind, int]
"""Trials still to run, by kind."""

Of = Callable[[Mapping[Place, Took]], float]


@dataclass(frozen=True, slots=True)
class ModelTakes:
    """What a model is expected to take in one role. Tokens of input include those of caches."""

    role: str
    model: str
    calls: Interval
    input_tokens: Interval
    output_tokens: Interval


@dataclass(frozen=True)
class Takes:
    """All together. `usd` is None if the price of any model is not known."""

    calls: Interval
    usd: Interval | None
    models: tuple[ModelTakes, ...]


def from_seen(trials: Trials, seen: Seen, prices: Prices) -> Takes:
    """The sums over trials like those seen, at the prices of today; intervals as of `predict`.

    What happens to few calls only (a lost answer that is paid twice, a dialogue that ends early) may not have
    happened to any of those seen: both ends are moved by its share, which is below 3/N for N calls without
    it ("rule of three", Hanley & Lippman-Hand, JAMA 249, 1983).

    Raises:
        ValueError: nothing was seen.
    """
    alike = [(count, nearest(kind, seen)) for kind, count in trials.items()]
    places = sorted({place for _, like in alike for trial in like.trials for place in trial}, key=_subjects_first)

    calls_seen = sum(took.calls for trials in seen.trials.values() for trial in trials for took in trial.values())
    unseen = min(1.0, 3 / calls_seen) if calls_seen else 1.0

    def total(of: Of) -> Interval:
        sums = predict([Share(count, [of(trial) for trial in like.trials], like.doubt) for count, like in alike])
        return sums.plus(Interval(-unseen * sums.low, 0.0, unseen * sums.expected))

    return _takes(total, places, prices)


def between(
    trials: Trials,
    walked: Callable[[Kind], tuple[Mapping[Place, Took], Mapping[Place, Took], Mapping[Place, Took]]],
    prices: Prices,
) -> Takes:
    """The sums over trials of which only bounds are known: `walked` has the least, the usual and the most."""
    cells = [(count, walked(kind)) for kind, count in trials.items()]
    places = sorted({place for _, walks in cells for walk in walks for place in walk}, key=_subjects_first)

    def total(of: Of) -> Interval:
        low, usual, high = (sum(count * of(walks[which]) for count, walks in cells) for which in range(3))
        return Interval(low, min(max(low, usual), high), high)

    return _takes(total, places, prices)


def _takes(total: Callable[[Of], Interval], places: Sequence[Place], prices: Prices) -> Takes:
    def tokens(place: Place, which: Callable[[Took], float]) -> Interval:
        return total(lambda trial: which(trial[place]) if place in trial else 0.0)

    models = tuple(
        ModelTakes(
            role=place[0],
            model=place[1],
            calls=tokens(place, lambda took: took.calls + took.repeated),
            input_tokens=tokens(place, _input_tokens),
            output_tokens=tokens(place, lambda took: took.usage.output_tokens),
        )
        for place in places
    )
    priced = all(prices.get(model) is not None for _, model in places)
    return Takes(
        calls=total(lambda trial: sum(took.calls + took.repeated for took in trial.values())),
        usd=total(lambda trial: trial_usd(trial, prices)) if priced else None,
        models=models,
    )


def trial_usd(trial: Mapping[Place, Took], prices: Prices) -> float:
    """What a trial costs at these prices. Cached tokens without a price count as uncached input."""
    return sum(_usd(took, price) for (_, model), took in trial.items() if (price := prices.get(model)) is not None)


def _usd(took: Took, price: Price) -> float:
    usage = took.usage
    known = cost_usd(usage, price)
    if known is not None:
        return known
    return (_input_tokens(took) * price.input_usd + usage.output_tokens * price.output_usd) / 1_000_000


def _input_tokens(took: Took) -> int:
    return took.usage.input_tokens + took.usage.cache_read_tokens + took.usage.cache_write_tokens


def _subjects_first(place: Place) -> tuple[bool, str]:
    return place[0] != "subject", place[1]


@dataclass(frozen=True)
class Estimate:
    """What is left of a plan, estimated. `runs` are the earlier ones it rests on; none = bounds of the code.

    `spent_usd` is what the run that would be resumed has cost so far, as far as it is known; `hours_because`
    says what the hours rest on.
    """

    trials: int
    takes: Takes
    hours: Interval
    hours_because: str
    runs: tuple[str, ...]
    seen: int
    prices_as_of: str
    unpriced: tuple[str, ...]
    confidence: float
    spent_usd: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def basis(self) -> str:
        return "earlier runs" if self.runs else "bounds"

    def as_dict(self) -> dict[str, Any]:
        takes = self.takes
        return {
            "basis": self.basis,
            "runs": list(self.runs),
            "seen_trials": self.seen,
            "confidence": self.confidence if self.runs else None,
            "trials": self.trials,
            "calls": takes.calls.as_dict(),
            "models": [
                {
                    "role": one.role,
                    "model": one.model,
                    "calls": one.calls.as_dict(),
                    "input_tokens": one.input_tokens.as_dict(),
                    "output_tokens": one.output_tokens.as_dict(),
                }
                for one in takes.models
            ],
            "usd": None if takes.usd is None else takes.usd.as_dict(),
            "spent_usd": self.spent_usd,
            "total_usd": None if takes.usd is None else takes.usd.plus(Interval(*[self.spent_usd] * 3)).as_dict(),
            "unpriced": list(self.unpriced),
            "prices_as_of": self.prices_as_of,
            "hours": self.hours.as_dict(),
            "hours_because": self.hours_because,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        takes = self.takes
        if not self.trials:
            return ["estimate: nothing is left to run"]
        how = (
            f"{self.seen} trials of {', '.join(self.runs)}; {self.confidence:.0%} prediction interval"
            if self.runs
            else "no earlier run: bounds from the shortest to the longest answers possible"
        )
        lines = [f"estimate for {self.trials} trials ({how})", f"  calls: {_span(takes.calls, _count)}"]
        for one in takes.models:
            tokens = f"{_span(one.input_tokens, _count)} tokens in, {_span(one.output_tokens, _count)} out"
            lines.append(f"  {one.role} {one.model}: {_span(one.calls, _count)} calls, {tokens}")
        if takes.usd is None:
            lines.append(f"  cost: unknown, there is no price for {', '.join(self.unpriced)}; see PRICES_FILE")
        else:
            before = f", besides {usd(self.spent_usd)} spent so far" if self.spent_usd else ""
            lines.append(f"  cost: {_usd_span(takes.usd)} at the prices of {self.prices_as_of}{before}")
        lines.append(f"  time: {_span(self.hours, duration)}; {self.hours_because}")
        return [*lines, *(f"  note: {note}" for note in self.notes)]


def _span(interval: Interval, show: Callable[[float], str]) -> str:
    expected, low, high = show(interval.expected), show(interval.low), show(interval.high)
    return expected if low == high else f"about {expected} ({low} to {high})"


def _usd_span(interval: Interval) -> str:
    """Rounded outwards, so that what is printed covers what was computed."""
    decimals = 2 if interval.high >= 10 else 4 if interval.high >= 0.01 else 7
    unit = 10.0**-decimals
    low, high = math.floor(interval.low / unit) * unit, math.ceil(interval.high / unit) * unit
    return f"about ${interval.expected:.{decimals}f} (${low:.{decimals}f} to ${high:.{decimals}f})"


def _count(amount: float) -> str:
    return f"{round(amount):,}"


def duration(hours: float) -> str:
    """Hours in the unit that people would choose."""
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min" if hours >= 1 / 60 else f"{hours * 3600:.1f} s"
