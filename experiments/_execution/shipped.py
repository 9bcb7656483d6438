"""Which problems come with trialbed? Those of `problems.jsonl`, made by `make_mutants`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from .loading import Wanted, load
from .problem import Case

FILE = Path(__file__).with_name("problems.jsonl")
SHIPPED = "the problems that come with trialbed"


@cache
def rows() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines() if line)


@cache
def cases() -> tuple[Case, ...]:
    """Every test case of every problem with a mutant."""
    return load(rows(), Wanted(), where=SHIPPED).cases
