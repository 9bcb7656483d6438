"""How far is the run? Plain counters that a display may look at any time."""

from collections import Counter
from dataclasses import dataclass, field

from trialbed.core.outcome import Outcome
from trialbed.engine.spending import Spending


@dataclass
class Progress:
    """`planned` and `done` are by variant; `done` counts records and those of earlier sittings."""

    planned: dict[str, int]
    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    unjudged: Counter[str] = field(default_factory=Counter)
    done_now: int = 0
    running: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    spending: Spending | None = None

    def ended(self, variant: str, outcome: Outcome, *, now: bool = True) -> None:
        """A trial of `variant` has its record."""
        self.done_now += now
        self.done[variant] += outcome is Outcome.ANSWERED
        self.unjudged[variant] += outcome is Outcome.JUDGE_ERROR
        self.failed[variant] += outcome not in (Outcome.ANSWERED, Outcome.JUDGE_ERROR)

    @property
    def ended_total(self) -> int:
        return self.done.total() + self.failed.total() + self.unjudged.total()
