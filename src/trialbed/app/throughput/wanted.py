"""What does the command line of `trialbed throughput` ask for? One frozen value; None = not said there."""

import math
from dataclasses import dataclass

EXPERIMENT = "throughput"
MAX_TOKENS = 64
TEMPERATURE = 0.1
_MINUTE_S = 60.0


@dataclass(frozen=True)
class ThroughputWanted:
    """`interval_min` is in minutes. Without `daemon` every model is measured once."""

    provider: str
    models: str | None = None
    daemon: bool = False
    interval_min: float = 30.0
    debug: bool = False
    variants: tuple[str, ...] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    max_cost_usd: float | None = None
    fresh: bool = False

    @property
    def interval_s(self) -> float:
        return self.interval_min * _MINUTE_S

    def problems(self) -> list[str]:
        """One line for each value that cannot be meant."""
        found = []
        if not 0 < self.interval_min < math.inf:
            found.append(f"--interval: must be a number of minutes above 0, is {self.interval_min:g}")
        if self.max_tokens is not None and self.max_tokens < 1:
            found.append(f"--max-tokens: must be at least 1, is {self.max_tokens}")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            found.append(f"--temperature: must be from 0 to 2, is {self.temperature:g}")
        return found
