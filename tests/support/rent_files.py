"""The files of `trialbed rent` in a project, read the way a user's own script would."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.project import Ended, Project

PATIENCE_S = 180.0
NEUTRAL = "--include-neutral"
DERIVED = ("run.jsonl", "run_grid.json", "run_scored.jsonl", "summary.csv", "sycophancy.csv")
"""What is the same whatever happened on the way."""


@dataclass(frozen=True)
class RentFiles:
    """`outputs/` of a project."""

    project: Project

    def rent(self, *arguments: str, **variables: str) -> Ended:
        return self.project.trialbed("rent", *arguments, timeout_s=PATIENCE_S, **variables)

    @property
    def grid_file(self) -> Path:
        return self.project.root / "outputs" / "raw" / "grid.jsonl"

    @property
    def folder(self) -> Path:
        """The only run's."""
        (folder,) = self.project.root.glob("outputs/runs/*")
        return folder

    def grid(self) -> list[dict[str, Any]]:
        return lines_of(self.grid_file)

    def rows(self, name: str = "run.jsonl") -> list[dict[str, Any]]:
        return lines_of(self.folder / name)

    def table(self, name: str = "summary.csv") -> list[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def derived(self) -> dict[str, bytes]:
        return {name: (self.folder / name).read_bytes() for name in DERIVED}

    def roster(self, *entries: tuple[str, str, int]) -> str:
        """Write a roster file of (provider, id, concurrency); returns its name."""
        models = [{"id": name, "provider": provider, "concurrency": most} for provider, name, most in entries]
        (self.project.root / "models.json").write_text(json.dumps(models), encoding="utf-8")
        return "models.json"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
