"""In what does a configuration differ from the locked one? Pure; every difference at once, none left out."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trialbed.core.canonical import digest
from trialbed.core.difference import (
    ABSENT,
    Difference,
    file_differences,
    hash_shown,
    name_difference,
    value_difference,
)
from trialbed.core.lock import Lock

_VARIABLES = {
    "temperature": "MODEL_TEMPERATURE",
    "top_p": "MODEL_TOP_P",
    "max_tokens": "MODEL_MAX_TOKENS",
    "thinking": "MODEL_THINKING",
    "effort": "MODEL_EFFORT",
    "guardrail": "BEDROCK_GUARDRAIL",
}
_SAID_ELSEWHERE = ("baseline", "seed")
"""Choices that are those of the design."""
_NO_WORDS = ("id", "baseline")


def lock_differences(
    lock: Lock, now: Lock, *, there: Collection[str] = (), is_single: bool = False
) -> tuple[Difference, ...]:
    """Every difference of `now`, which is what would be locked now, from `lock`; empty if there is none.

    Args:
        there: ids of the variants there are files of, chosen or not. A locked one that is there but not planned was
            left out by an option.
        is_single: batch mode is off, which makes the plan one trial of one variant.
    """
    where = f"experiments/{now.experiment}"
    found = [
        value_difference("EXPERIMENT", lock.experiment, now.experiment),
        value_difference(f"{where}: version", lock.version, now.version),
        *_trials(lock, now, set(there), is_single=is_single),
        name_difference("SUBJECT_MODELS", lock.design.subjects, now.design.subjects),
        *_samplings(_VARIABLES, "MODEL_", lock.design.sampling, now.design.sampling),
        value_difference("MODEL_SEED", lock.design.seed, now.design.seed),
        *_dialogues(where, lock.design.dialogue or {}, now.design.dialogue or {}),
        name_difference("JUDGE_MODELS", lock.judges.models, now.judges.models),
        *_samplings({}, f"{where}: judge_sampling.", lock.judges.sampling, now.judges.sampling),
        value_difference("JUDGE_REPEAT_SHARE", lock.judges.repeat_share, now.judges.repeat_share),
        *_choices(where, lock, now),
        *file_differences(lock.experiment_files, now.experiment_files),
        value_difference("MAX_COST_USD", lock.stopping.max_cost_usd, now.stopping.max_cost_usd),
        value_difference("RUN_DEADLINE_S", lock.stopping.run_deadline_s, now.stopping.run_deadline_s),
    ]
    named = tuple(one for one in found if one is not None)
    # What no line above names must not pass for the same plan: e.g. one that another version of trialbed hashes.
    unnamed = value_difference("plan_hash", lock.plan_hash, now.plan_hash)
    return named or (() if unnamed is None else (unnamed,))


def _trials(lock: Lock, now: Lock, there: set[str], *, is_single: bool) -> Iterator[Difference | None]:
    """Which trials: scenarios, variants and their number."""
    locked, actual = lock.design, now.design
    variants = [_ids(design.variants) for design in (locked, actual)]
    if is_single and (variants[0] != variants[1] or locked.repeats != actual.repeats):
        yield Difference("BATCH_MODE", f"true ({_size(lock)})", f"false ({_size(now)})")
    else:
        yield value_difference("BATCH_SIZE", locked.repeats, actual.repeats)
        yield from _variants_chosen(now.experiment, lock, now, there)
    yield value_difference("--limit", locked.limit, actual.limit)
    yield name_difference("--scenarios", _ids(locked.scenarios), _ids(actual.scenarios))
    for before, after in _in_both(locked.scenarios, actual.scenarios):
        what = f"experiments/{now.experiment}: scenario {after['id']}"
        yield value_difference(what, before, after)
    for before, after in _in_both(locked.variants, actual.variants):
        file = _file(now.experiment, after["id"])
        for word in sorted((before.keys() | after.keys()) - set(_NO_WORDS)):
            yield value_difference(f"{file}: {word}", before.get(word), after.get(word))
    yield value_difference(f"variants/{now.experiment}/: baseline", locked.baseline, actual.baseline)


def _variants_chosen(experiment: str, lock: Lock, now: Lock, there: set[str]) -> Iterator[Difference | None]:
    """Files that came or went; and of those there are, the ones that an option leaves out."""
    locked, actual = ({v["id"]: v for v in one.design.variants} for one in (lock, now))
    is_chosen = bool(there - actual.keys())
    gone = [name for name in locked if name not in actual and name not in there]
    come = [] if is_chosen else [name for name in actual if name not in locked]
    for name in gone:
        yield Difference(_file(experiment, name), hash_shown(digest(locked[name])), ABSENT)
    for name in come:
        yield Difference(_file(experiment, name), ABSENT, hash_shown(digest(actual[name])))
    # The rest is a matter of which are named, and in which order.
    before = [name for name in locked if name not in gone]
    after = [name for name in actual if name not in come]
    if before != after:
        yield name_difference("--variants", list(locked), list(actual))


def _samplings(
    names: Mapping[str, str], otherwise: str, locked: Mapping[str, Any], actual: Mapping[str, Any]
) -> Iterator[Difference | None]:
    before, after = _sampling(locked), _sampling(actual)
    for name in sorted(before.keys() | after.keys()):
        yield value_difference(names.get(name, otherwise + name), before.get(name), after.get(name))


def _dialogues(where: str, locked: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Difference | None]:
    """The other side of the dialogues, by the variables that say it."""
    yield value_difference("RUNNER_STUDENT_MODEL", locked.get("student"), actual.get("student"))
    before, after = (one.get("student_sampling", {}) for one in (locked, actual))
    names = {"temperature": "RUNNER_STUDENT_TEMPERATURE"}
    if locked.get("student") == actual.get("student"):
        yield from _samplings(names, f"{where}: student_sampling.", before, after)
    yield value_difference("RUNNER_DEFAULT_TURNS", locked.get("turns"), actual.get("turns"))


def _sampling(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """One value for each variable: thinking with a budget is that budget."""
    kept = {name: value for name, value in sampling.items() if name != "thinking_tokens"}
    budget = sampling.get("thinking_tokens")
    return kept if budget is None else kept | {"thinking": budget}


def _choices(where: str, lock: Lock, now: Lock) -> Iterator[Difference | None]:
    """Choices of the analysis, by the attribute of the experiment's class that makes them."""
    before, after = (one.analysis.model_dump(mode="json", exclude=set(_SAID_ELSEWHERE)) for one in (lock, now))
    locked, actual = ({measure["name"]: measure for measure in one.pop("measures")} for one in (before, after))
    yield name_difference(f"{where}: measures", list(locked), list(actual))
    for name in [name for name in locked if name in actual]:
        # A field that says nothing may be left out of either.
        for part in {**locked[name], **actual[name]}:
            one, other = locked[name].get(part), actual[name].get(part)
            yield value_difference(f"{where}: measures: {name}.{part}", one, other)
    # Factors are left out where there are none.
    for name in before | after:
        yield value_difference(f"{where}: {name}", before.get(name), after.get(name))


def _ids(items: tuple[dict[str, Any], ...]) -> list[str]:
    return [str(item["id"]) for item in items]


def _in_both(
    locked: tuple[dict[str, Any], ...], actual: tuple[dict[str, Any], ...]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    known = {item["id"]: item for item in locked}
    return ((known[item["id"]], item) for item in actual if item["id"] in known)


def _file(experiment: str, variant: str) -> str:
    return f"variants/{experiment}/{variant}.toml"


def _size(lock: Lock) -> str:
    return f"variants: {len(lock.design.variants)}, runs of each: {lock.design.repeats}"
