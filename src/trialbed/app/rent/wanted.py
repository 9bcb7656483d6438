"""What do the command lines of `trialbed rent` ask for? Frozen values; None = not said there."""

from dataclasses import dataclass
from pathlib import Path

from trialbed.engine.attempts import PerCall
from trialbed.settings import Settings

EXPERIMENT = "rent_sycophancy"
OUTPUTS = "outputs"


@dataclass(frozen=True)
class GridWanted:
    """Which prompts. `variants` None = those of the grid file, else the baseline; `limit` None = all."""

    include_neutral: bool = False
    limit: int | None = None
    variants: tuple[str, ...] | None = None
    output_dir: Path | None = None

    def problems(self) -> list[str]:
        """One line for each value that cannot be meant."""
        if self.limit is not None and self.limit < 1:
            return [f"--limit: must be at least 1, is {self.limit}"]
        return []


@dataclass(frozen=True)
class RentWanted:
    """The whole of `rent run`. `models` is a roster file, `model` a single model's name."""

    grid: GridWanted = GridWanted()
    models: str | None = None
    model: str | None = None
    runs: int = 1
    score_now: bool = False
    scorer_model: str | None = None
    max_cost_usd: float | None = None
    fresh: bool = False


@dataclass(frozen=True)
class ScoreWanted:
    """`rent score`. `given` is a run.jsonl, its folder, or the run's name."""

    given: str
    scorer_model: str | None = None
    output_dir: Path | None = None
    max_cost_usd: float | None = None
    fresh: bool = False


def per_call(settings: Settings) -> PerCall:
    """The bounds that BENCH_TIMEOUT_S and BENCH_MAX_RETRIES set."""
    return PerCall(attempt_s=settings.bench_timeout_s, retries=settings.bench_max_retries)


def outputs_of(root: Path, named: Path | None) -> Path:
    """Where the files of all runs are."""
    return root / OUTPUTS if named is None else named.expanduser()
