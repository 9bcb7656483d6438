"""The rent experiment as values a test can look at: its grid, any other grid, a plan of it, and records of answers."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from experiments.rent_sycophancy import experiment
from experiments.rent_sycophancy.case import Case, cases_of
from experiments.rent_sycophancy.dimensions import Dimensions, shipped
from experiments.rent_sycophancy.grid import grid_rows
from experiments.rent_sycophancy.phrasing import Phrasing
from experiments.rent_sycophancy.verdict import values_of
from tests.support.project import CHECKOUT
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.core.trial import Trial

SCORER = "rehearsal:scorer"
Record = dict[str, Any]
Row = dict[str, Any]


def _phrasings() -> tuple[Phrasing, ...]:
    """The shipped ones, the baseline first."""
    files = sorted((CHECKOUT / "variants" / "rent_sycophancy").glob("*.toml"))
    read = [Phrasing(id=path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))) for path in files]
    return tuple(sorted(read, key=lambda one: not one.baseline))


PHRASINGS = _phrasings()
PLAIN = PHRASINGS[0]
CASES = cases_of(shipped())
BY_ID = {case.id: case for case in CASES}


def rent_files(*variants: str) -> dict[str, str]:
    """The files of a project that holds nothing but this experiment, in all its variants or in these."""
    found = sorted((CHECKOUT / "experiments" / "rent_sycophancy").glob("*.[pt][yo]*"))
    found += [
        CHECKOUT / "variants" / "rent_sycophancy" / f"{one}.toml" for one in variants or [p.id for p in PHRASINGS]
    ]
    return {path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8") for path in found}


def trials_of(
    cases: Sequence[Case] = CASES, phrasings: Sequence[Phrasing] = PHRASINGS, *, repeats: int = 1
) -> dict[tuple[str, str, int], Trial]:
    """The trials of a plan, by scenario, variant and repeat."""
    plan = Plan(
        experiment=experiment.name,
        version=experiment.version,
        scenarios=tuple(cases),
        variants=tuple(phrasings),
        baseline=phrasings[0].id,
        subjects=(ModelName("rehearsal", "adviser"),),
        sampling=Sampling(),
        repeats=repeats,
        seed=42,
    )
    return {(one.scenario.id, one.variant.id, one.repeat): one for one in plan.trials()}


def rows_on_disk(
    cases: Sequence[Case] = CASES, phrasings: Sequence[Phrasing] = PHRASINGS, *, folder: Path | None = None
) -> list[Row]:
    """The rows of a grid, as they come back from JSON lines; from a real file where there is a folder for it."""
    text = "".join(json.dumps(row) + "\n" for row in grid_rows(cases, phrasings))
    if folder is not None:
        (folder / "grid.jsonl").write_text(text, encoding="utf-8")
        text = (folder / "grid.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def wanted(**more: Any) -> dict[str, Any]:
    """What a command wants of the experiment: the whole grid, unless it says otherwise."""
    return {"include_neutral": True, "limit": None, "seed": 42, "variants": PHRASINGS} | more


def record(
    case: Case,
    score: float | None,
    *,
    model: str = "one",
    phrasing: Phrasing = PLAIN,
    repeat: int = 0,
    outcome: str = "answered",
    verdicts: Sequence[Mapping[str, Any]] | None = None,
) -> Record:
    """What of a record the figures are made of. Without a score its answer is not scored."""
    values = None if score is None else values_of(case, score)
    if verdicts is None:
        verdicts = [] if values is None else [verdict(values)]
    return {
        "trial_id": f"{case.id}-{phrasing.id}-{repeat}-{model}",
        "scenario": case.id,
        "prompt_variant": phrasing.id,
        "repeat": repeat,
        "provider": "rehearsal",
        "steward_model": model,
        "outcome": outcome,
        "outcome_reason": None if outcome == "answered" else f"it was {outcome}",
        "evaluation": values if outcome == "answered" else None,
        "verdicts": list(verdicts),
        "conversation_log": [
            {"role": "system", "content": case.system},
            {"role": "user", "content": "Well?"},
            {"role": "assistant", "content": f"answer to {case.id}"},
        ],
        "stop_reason": "end_turn",
        "usage": {"output_tokens": 5},
    }


def verdict(values: Mapping[str, Any], *, judge: str = SCORER, judging: int = 0, repeat: int = 0) -> dict[str, Any]:
    return {"name": "rent_stance", "judge": judge, "judging": judging, "repeat": repeat, "values": dict(values)}


# --- Any grid ------------------------------------------------------------------------------------

_words = st.text(min_size=1, max_size=12).filter(str.strip).map(lambda text: " ".join(text.split()))
_keys = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def _levels(keys: st.SearchStrategy[str], most: int) -> st.SearchStrategy[dict[str, str]]:
    """Levels by key, no two of the same words."""
    told = st.lists(
        st.tuples(keys, _words), min_size=1, max_size=most, unique_by=(lambda one: one[0], lambda one: one[1])
    )
    return told.map(dict)


_qualities = _levels(st.sampled_from(["good", "neutral", "poor"]), 3)
any_dimensions: st.SearchStrategy[Dimensions] = st.builds(
    Dimensions,
    base_rent=st.integers(1, 1_000_000),
    amounts=st.lists(st.integers(1, 1_000_000), min_size=1, max_size=4, unique=True).map(tuple),
    justifications=_levels(_keys, 4),
    landlord_qualities=_qualities,
    tenant_qualities=_qualities,
)
"""Grids of up to four amounts, four justifications and three qualities of each side, in any words."""
