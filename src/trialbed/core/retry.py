"""After a failed attempt: what next? Pure; time and chance are arguments.

The only retry layer: the SDK makes one attempt per call. Full jitter as in "Exponential Backoff And
Jitter" (AWS Architecture Blog, 2015): the wait is uniform between 0 and an exponentially growing cap.
"""

from dataclasses import dataclass
from random import Random

from trialbed.core import errors


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first_s` caps the first wait and doubles up to `most_s`; `attempts` bounds this error's share."""

    first_s: float
    most_s: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again after `wait_s`."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This call ends without an answer; other calls go on."""


@dataclass(frozen=True, slots=True)
class StopModel:
    """No further call to this model in this run."""


@dataclass(frozen=True, slots=True)
class PauseRun:
    """Nobody calls until credentials are good again."""


Step = Again | GiveUp | StopModel | PauseRun

_LEAST_ATTEMPT_S = 1.0
"""An attempt that the deadline cuts is probably paid for: none is begun with less time than this."""

_SPREAD_S = 1.0
"""Over so long calls are spread that a provider has told when to come back."""

_BACKOFF: dict[type[errors.CallError], Backoff] = {
    errors.Throttled: Backoff(first_s=1.0, most_s=30.0, attempts=1_000),
    errors.WarmingUp: Backoff(first_s=20.0, most_s=60.0, attempts=100),
    errors.Unreachable: Backoff(first_s=0.5, most_s=20.0, attempts=1_000),
    errors.ServiceFault: Backoff(first_s=0.5, most_s=20.0, attempts=8),
    errors.ModelFault: Backoff(first_s=0.5, most_s=20.0, attempts=5),
    errors.BrokenStream: Backoff(first_s=0.5, most_s=20.0, attempts=5),
    # The three below were probably paid for: each further attempt may cost as much again.
    errors.ModelTimedOut: Backoff(first_s=1.0, most_s=10.0, attempts=3),
    errors.ConnectionCut: Backoff(first_s=0.5, most_s=10.0, attempts=5),
    errors.MalformedBody: Backoff(first_s=0.5, most_s=10.0, attempts=4),
}


def next_step(error: errors.CallError, *, failures: int, left_s: float, proven: bool, random: Random) -> Step:
    """What to do after `error`.

    Args:
        failures: failed attempts of this call by the same class of error, this one included.
        left_s: seconds until the call's deadline.
        proven: whether this model has answered with these parameters before in this run.
        random: source of the jitter.
    """
    match error:
        case errors.CredentialsExpired():
            return PauseRun()
        case errors.ModelUnavailable() | errors.QuotaExhausted():
            return StopModel()
        case errors.InvalidRequest():
            return GiveUp() if proven else StopModel()
    backoff = _BACKOFF.get(type(error))
    if backoff is None or failures >= backoff.attempts:
        return GiveUp()
    cap = min(backoff.most_s, backoff.first_s * 2 ** min(failures - 1, 20))
    wait_s = random.uniform(0.0, cap)
    if isinstance(error, errors.WarmingUp):
        # Loading a model takes minutes: half the cap at the least.
        wait_s = cap / 2 + wait_s / 2
    if error.retry_after_s is not None:
        # Never earlier than asked: an attempt before its time may count against the quota too.
        wait_s = error.retry_after_s + random.uniform(0.0, min(cap, _SPREAD_S))
    return Again(wait_s) if wait_s + _LEAST_ATTEMPT_S < left_s else GiveUp()
