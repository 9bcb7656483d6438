"""How often did an interval hold the truth, and a test reject where nothing was? Pure counts over many reports."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.calibration.worlds import World
from trialbed.analysis.findings import Findings

ALPHA = 0.05


@dataclass
class Tally:
    """`held` counts intervals by name as (held the truth, all), `rejected` tests where nothing was, likewise.

    `found` counts tests of true differences that rejected.
    """

    held: defaultdict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    rejected: defaultdict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    found: defaultdict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, world: World, report: Findings) -> None:
        for name, is_held in _intervals(world, report):
            self.held[f"{world.name}: {name}"][is_held] += 1
        for name, p, truth in _tests(world, report):
            (self.found if truth else self.rejected)[f"{world.name}: {name}"][p < ALPHA] += 1
        for name, ps in _families(world, report):
            self.rejected[f"{world.name}: {name}"][any(p < ALPHA for p in ps)] += 1


def _rows(report: Findings, table: str, **wanted: Any) -> list[dict[str, Any]]:
    there = report.tables.get(table)
    return [] if there is None else there.where(**wanted)


def _intervals(world: World, report: Findings) -> Iterator[tuple[str, bool]]:
    for measure, truth in world.rates.items():
        for row in _rows(report, "measures", measure=measure, subject="all"):
            true = truth[row["variant"]]
            if row["clusters"] == 1:  # Wilson's is for independent trials
                yield "Wilson", row["lo"] <= true <= row["hi"]
            else:
                yield "rate, robust to clusters", row["lo_cluster"] <= true <= row["hi_cluster"]
    for measure, truth in world.means.items():
        for row in _rows(report, "means", measure=measure, subject="all"):
            true = truth[row["variant"]]
            yield "mean, robust to clusters", row["lo"] <= true <= row["hi"]
            yield "mean, cluster bootstrap", row["lo_boot"] <= true <= row["hi_boot"]
    for measure, truth in {**world.rates, **world.means}.items():
        for row in _rows(report, "contrasts", measure=measure, subject="all"):
            true = truth[row["variant"]] - truth[row["baseline"]]
            kind = "paired difference of rates" if measure in world.rates else "paired difference of means"
            yield kind, row["lo"] <= true <= row["hi"]


def _tests(world: World, report: Findings) -> Iterator[tuple[str, float, bool]]:
    for measure, truth in {**world.rates, **world.means}.items():
        name = "McNemar" if measure in world.rates else "Wilcoxon"
        for row in _rows(report, "contrasts", measure=measure, subject="all"):
            yield name, row["p"], truth[row["variant"]] != truth[row["baseline"]]
    if world.name == "no_framing":
        for row in _rows(report, "association", subject="all"):
            yield "category x variant", row["p"], False


def _families(world: World, report: Findings) -> Iterator[tuple[str, list[float]]]:
    """All contrasts of a measure in which nothing differs: the chance that any is called significant."""
    if world.name == "no_framing":
        rows = _rows(report, "contrasts", measure="deceived", subject="all")
        yield "any contrast, Holm", [row["p_holm"] for row in rows]
        yield "any contrast, Benjamini-Hochberg", [row["p_bh"] for row in rows]
