"""What is one trial? Scenario × variant × subject × repeat, with an id made of its content."""

from dataclasses import dataclass
from typing import Any

from trialbed.core.model import ModelName, Sampling
from trialbed.core.student import Dialogue


@dataclass(frozen=True, slots=True)
class Trial:
    """`index` is the trial's number within its variant in the plan; `seed` is the trial's own.

    `dialogue` is there where an experiment has a student. `scenario` and `variant` are the author's own classes,
    so they are typed as Any for authors' sake.
    """

    trial_id: str
    block_id: str
    scenario: Any
    variant: Any
    subject: ModelName
    sampling: Sampling
    repeat: int
    index: int
    seed: int
    dialogue: Dialogue | None = None
