"""Which transcripts have a verdict that is beyond dispute? What a judge is checked with, and what it is attacked in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trialbed.core.transcript import Transcript


@dataclass(frozen=True)
class GoldenCase:
    """A transcript and what a sound judge says of it.

    `expected` names the fields of the evaluation that are beyond dispute, with their values. `scenario` is the id of
    the scenario whose facts the judge is told.
    """

    id: str
    scenario: str
    transcript: Transcript
    expected: Mapping[str, Any]
