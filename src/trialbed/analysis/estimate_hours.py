"""How long will a run take? Pure: the slowest of what holds it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trialbed.analysis.estimate import Takes
from trialbed.analysis.estimate_interval import Interval

_OBSERVED = Interval(0.8, 1.0, 1.5)
_ASSUMED = Interval(0.3, 1.0, 3.0)
_FIRST_TOKEN_S = 1.0
_TOKENS_PER_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What a model's quota lets through in a second; None = not known. `why` names where that is from."""

    requests_per_s: float | None
    tokens_per_s: float | None
    why: str


def hours(
    takes: Takes,
    *,
    trials: int,
    concurrency: int,
    delay_s: float,
    subjects: int,
    latency_s: float | None,
    paces: Mapping[str, Pace],
    burndown: Mapping[str, float],
) -> tuple[Interval, str]:
    """How long, and what it rests on.

    Args:
        delay_s: least seconds between trial starts of one of the `subjects`.
        latency_s: of a call, as observed; None = assumed from the tokens expected.
        burndown: by model, how often an output token counts against the quota.
    """
    candidates = [_by_latency(takes, trials, concurrency, latency_s)]
    if delay_s:
        candidates.append((Interval(*[trials / max(1, subjects) * delay_s] * 3), "INTER_RUN_DELAY"))
    for model, pace in paces.items():
        candidates += _by_quota(takes, model, pace, burndown.get(model, 1.0))
    longest, because = max(candidates, key=lambda candidate: candidate[0].expected)
    bounds = [
        max(getattr(candidate, name) for candidate, _ in candidates) / 3600 for name in ("low", "expected", "high")
    ]
    return (Interval(*bounds), because) if longest.expected else (Interval(0.0, 0.0, 0.0), because)


def _by_latency(takes: Takes, trials: int, concurrency: int, latency_s: float | None) -> tuple[Interval, str]:
    calls = takes.calls
    if latency_s is None:
        out = sum(one.output_tokens.expected for one in takes.models) / max(1.0, calls.expected)
        each_s, factors, what = _FIRST_TOKEN_S + out / _TOKENS_PER_S, _ASSUMED, "assumed"
    else:
        each_s, factors, what = latency_s, _OBSERVED, "observed"
    # The calls of one trial follow each other, however wide the run is.
    width = max(1, min(concurrency, trials))
    span = Interval(
        *(getattr(calls, name) * each_s * getattr(factors, name) / width for name in ("low", "expected", "high"))
    )
    return span, f"{what} {each_s:.1f} s a call, {width} at a time"


def _by_quota(takes: Takes, model: str, pace: Pace, burndown: float) -> Sequence[tuple[Interval, str]]:
    of_model = [one for one in takes.models if one.model == model]
    requests = tokens = Interval(0.0, 0.0, 0.0)
    for one in of_model:
        requests = requests.plus(one.calls)
        tokens = tokens.plus(one.input_tokens).plus(one.output_tokens.times(burndown))
    found = []
    if pace.requests_per_s:
        found.append((requests.times(1 / pace.requests_per_s), f"{pace.why} of {model}: requests"))
    if pace.tokens_per_s:
        found.append((tokens.times(1 / pace.tokens_per_s), f"{pace.why} of {model}: tokens"))
    return found
