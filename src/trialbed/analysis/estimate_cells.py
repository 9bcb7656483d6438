"""What did trials of an earlier run take, and which of them are most like those to come? Pure; reads records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from trialbed.core.model import Role, Usage
from trialbed.core.outcome import Outcome

Place = tuple[Role, str]
"""In which role a model was called, and its name."""

PAID_ERRORS = frozenset({"ConnectionCut", "ModelTimedOut", "MalformedBody", "BrokenStream"})
"""Names of the errors after which the model has probably worked all the same."""

_NOT_TYPICAL = frozenset({Outcome.PROVIDER_ERROR})
_ENOUGH = 5
_TOKENS = tuple(kind.name for kind in fields(Usage))
_DOUBT = {"subject": 0.5, "judges": 0.5, "sampling": 0.3, "version": 0.3, "variant": 0.25, "scenario": 0.15}
"""By how much a trial may be dearer or cheaper for differing in this; assumptions, not measured."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a trial took of one model. `repeated` counts attempts that were paid and brought no answer."""

    calls: float = 0.0
    usage: Usage = field(default_factory=Usage)
    repeated: int = 0
    latency_s: float = 0.0


@dataclass(frozen=True)
class Kind:
    """What decides how long a trial is."""

    scenario: str
    variant: str
    subject: str
    judges: tuple[str, ...]
    max_tokens: int
    version: str


@dataclass(frozen=True)
class Seen:
    """Trials that were run, by kind; each is what it took of each model in each role."""

    trials: Mapping[Kind, Sequence[Mapping[Place, Took]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(trials) for trials in self.trials.values())


@dataclass(frozen=True)
class Likeness:
    """The seen trials nearest to a kind, as if they had been of that kind; `doubt` as in `Share`."""

    trials: Sequence[Mapping[Place, Took]]
    doubt: float


def collect(records: Iterable[Mapping[str, Any]], judges: tuple[str, ...]) -> Seen:
    """Sort records of one run by kind. `judges` are those of that run's plan."""
    trials: dict[Kind, list[Mapping[Place, Took]]] = {}
    for record in records:
        if record["outcome"] in _NOT_TYPICAL:
            continue
        kind = Kind(
            scenario=record["scenario"],
            variant=record["prompt_variant"],
            subject=f"{record['provider']}:{record['steward_model']}",
            judges=judges,
            max_tokens=record["model_config"]["max_tokens"],
            version=record["experiment_version"],
        )
        # What judged the stored transcript later is no part of running a trial.
        trials.setdefault(kind, []).append(took(call for call in record["calls"] if not call.get("judging")))
    return Seen(trials)


def judged_more_often(trial: Mapping[Place, Took], factor: float) -> Mapping[Place, Took]:
    """The same trial with `factor` times the calls to its judges."""
    return {place: _times(one, factor) if place[0] == "judge" else one for place, one in trial.items()}


def _times(one: Took, factor: float) -> Took:
    usage = Usage(*(round(getattr(one.usage, name) * factor) for name in _TOKENS))
    return Took(one.calls * factor, usage, one.repeated, one.latency_s * factor)


def merged(parts: Iterable[Seen]) -> Seen:
    trials: dict[Kind, list[Mapping[Place, Took]]] = {}
    for part in parts:
        for kind, more in part.trials.items():
            trials.setdefault(kind, []).extend(more)
    return Seen(trials)


def took(calls: Iterable[Mapping[str, Any]]) -> Mapping[Place, Took]:
    """What the calls of one record took; an attempt that was lost and paid counts as much as its answer."""
    sums: dict[Place, Took] = {}
    for call in calls:
        lost = sum(attempt["error"] in PAID_ERRORS for attempt in call["attempts"])
        names = [name for name in call["usage"] if name != "total_tokens"]
        usage = Usage(**{name: call["usage"][name] * (1 + lost) for name in names})
        place = (call["role"], call["model"])
        so_far = sums.get(place, Took())
        sums[place] = Took(
            calls=so_far.calls + 1,
            usage=so_far.usage + usage,
            repeated=so_far.repeated + lost,
            latency_s=so_far.latency_s + call["latency_s"],
        )
    return sums


def nearest(kind: Kind, seen: Seen) -> Likeness:
    """The nearest trials to `kind`; equally near ones all count.

    Where hardly any kind was seen twice, so that nothing is known of the spread, at least five trials if
    there are as many.

    Raises:
        ValueError: nothing was seen.
    """
    by_doubt: dict[float, list[Kind]] = {}
    for other in seen.trials:
        by_doubt.setdefault(_doubt(kind, other), []).append(other)
    if not by_doubt:
        raise ValueError("no trial was seen")
    enough = 1 if seen.count - len(seen.trials) >= _ENOUGH - 1 else _ENOUGH
    trials: list[Mapping[Place, Took]] = []
    doubt = 0.0
    for doubt in sorted(by_doubt):
        for other in by_doubt[doubt]:
            trials += [_as_if(trial, kind, other) for trial in seen.trials[other]]
        if len(trials) >= enough:
            break
    return Likeness(trials, doubt)


def _doubt(kind: Kind, other: Kind) -> float:
    differs = {
        "subject": kind.subject != other.subject,
        "judges": Counter(kind.judges) != Counter(other.judges),
        "sampling": kind.max_tokens != other.max_tokens,
        "version": kind.version != other.version,
        "variant": kind.variant != other.variant,
        "scenario": kind.scenario != other.scenario,
    }
    return float(sum(_DOUBT[name] ** 2 for name, is_so in differs.items() if is_so) ** 0.5)


def _as_if(trial: Mapping[Place, Took], kind: Kind, other: Kind) -> Mapping[Place, Took]:
    """The same trial with the models of `kind`; without equal judges, each takes what those seen took on average."""
    if kind.subject == other.subject and Counter(kind.judges) == Counter(other.judges):
        return trial
    changed: dict[Place, Took] = {
        (role, kind.subject if role == "subject" else model): one for (role, model), one in trial.items()
    }
    if Counter(kind.judges) == Counter(other.judges):
        return changed
    judged = [changed.pop(place) for place in list(changed) if place[0] == "judge"]
    if not judged:
        return changed
    share = 1 / len(judged)
    mean = Took(
        calls=sum(one.calls for one in judged) * share,
        usage=Usage(*(round(sum(getattr(one.usage, name) for one in judged) * share) for name in _TOKENS)),
        latency_s=sum(one.latency_s for one in judged) * share,
    )
    return changed | {("judge", judge): mean for judge in kind.judges}
