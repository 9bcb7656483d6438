"""What does each section of the page show? Findings, arranged; whatever is not there is empty. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trialbed.analysis.findings import Findings
from trialbed.analysis.report import appendix, bars, forest, levels, steps, told
from trialbed.analysis.report.methods import Statistic, statistics
from trialbed.analysis.report.over_time import OverTime
from trialbed.analysis.table import Cell, Column, Table

_PAGE_BYTES = 14_000_000
"""What tables and transcripts may take together: a page of 15 MB still opens on a phone."""
_MOST_ROOM_BYTES = 8_500_000
_LEAST_ROOM_BYTES = 500_000
_CELL_BYTES = 70


@dataclass(frozen=True)
class View:
    """What the templates show, by section. Everything is there, or empty where the findings have nothing."""

    findings: Findings

    @cached_property
    def primary(self) -> dict[str, Any]:
        """The primary measure, its estimates by variant and its pooled contrasts."""
        choices, tables = self.findings.choices, self.findings.tables
        if choices.primary is None:
            return {"measure": None, "estimates": [], "contrasts": []}
        measure = choices.measure(choices.primary)
        table = tables.get({"binary": "measures", "score": "means"}.get(measure.kind, ""))
        found = [] if table is None else forest.estimates(table, choices, measure.name)
        return {"measure": measure, "estimates": found, "contrasts": self._contrasts(self._is_main)}

    @cached_property
    def clear(self) -> dict[str, list[str]]:
        """Variants by what their main contrast shows, by the adjusted p value; all of them under `known`."""
        found: dict[str, list[str]] = {"higher": [], "lower": [], "open": [], "known": []}
        column = "p_holm" if self.findings.choices.correction == "holm" else "p_bh"
        for _, row in self.rows("contrasts"):
            if not self._is_main(row) or row["difference"] is None:
                continue
            p = row[column]
            is_clear = p is not None and float(p) < self.findings.choices.alpha
            way = "higher" if float(row["difference"]) > 0 else "lower"
            for name in (way if is_clear else "open", "known"):
                found[name].append(str(row["variant"]))
        return found

    @cached_property
    def confirmatory(self) -> list[forest.Forest]:
        return self._contrasts(lambda row: row["role"] == "confirmatory")

    @cached_property
    def exploratory(self) -> list[forest.Forest]:
        return self._contrasts(lambda row: row["role"] != "confirmatory")

    @cached_property
    def factors(self) -> list[levels.Drawn]:
        """What scenarios differ in, if the tables say anything of it."""
        variants = len({str(row["variant"]) for _, row in self.rows("matched")} - {forest.POOLED})
        return levels.drawn(self.findings.tables, self.findings.choices, variants=variants)

    @cached_property
    def sensitivity(self) -> list[forest.Forest]:
        """Rows without adjusted p values: an estimate is filled as nothing is claimed of it."""
        table = self.findings.tables.get("sensitivity")
        if table is None:
            return []
        gone: dict[str, Cell] = {"p_holm": None, "p_bh": None}
        names = [column.name for column in table.columns]
        wide = Table(
            table.name,
            table.title,
            (*table.columns, *(Column(name, "p") for name in gone if name not in names)),
            tuple((*row, *(None for name in gone if name not in names)) for row in table.rows),
        )
        return forest.contrasts(wide, self.findings.choices, keep=lambda row: row["subject"] == forest.POOLED)

    @cached_property
    def strategies(self) -> dict[str, Any]:
        table = self.findings.tables.get("rates")
        if table is None:
            return {"names": [], "groups": []}
        return {
            "names": bars.categories(table),
            "groups": bars.strategies(table, baseline=self.findings.choices.baseline),
            "colours": bars.COLOURS,
        }

    @cached_property
    def ledger(self) -> list[bars.Bars]:
        table = self.findings.tables.get("ledger")
        return [] if table is None else bars.ledger(table, baseline=self.findings.choices.baseline)

    @cached_property
    def ledger_total(self) -> tuple[int, list[str]] | None:
        """The row of everything, and the exclusions that occur in it."""
        for place, row in forest.rows_of(self.findings.tables.get("ledger")):
            if (row["variant"], row["subject"]) == ("all", "all"):
                return place, [name for name in bars.EXCLUSIONS if row[name]]
        return None

    @cached_property
    def probes(self) -> list[forest.Forest]:
        return forest.probes(self.findings.tables.get("probes"))

    @cached_property
    def flips(self) -> list[dict[str, Any]]:
        """By judge: the rows of all injections and of all controls, and whether their intervals are apart."""
        found: dict[str, dict[str, tuple[int, dict[str, Cell]]]] = {}
        for place, row in forest.rows_of(self.findings.tables.get("probes")):
            if row["kind"] == forest.POOLED:
                found.setdefault(str(row["judge"]), {})[str(row["set"])] = (place, row)
        return [_flip(judge, sets) for judge, sets in found.items() if "injection" in sets]

    @cached_property
    def variance(self) -> list[bars.Bars]:
        table = self.findings.tables.get("variance")
        return [] if table is None else bars.variance(table)

    @cached_property
    def survival(self) -> list[steps.Panel]:
        table = self.findings.tables.get("survival")
        return [] if table is None else steps.panels(table, baseline=self.findings.choices.baseline)

    @cached_property
    def course(self) -> OverTime:
        return OverTime(self.findings)

    @cached_property
    def statistics(self) -> list[Statistic]:
        return list(statistics(self.findings.tables, self.findings.choices))

    @cached_property
    def scenarios(self) -> list[appendix.Words]:
        return appendix.scenarios(self.findings)

    @cached_property
    def variants(self) -> list[appendix.Words]:
        return appendix.variants(self.findings)

    @cached_property
    def transcripts(self) -> list[told.Shown]:
        cells = sum(len(table.rows) * len(table.columns) for table in self.findings.tables.values())
        room = max(_LEAST_ROOM_BYTES, min(_MOST_ROOM_BYTES, _PAGE_BYTES - cells * _CELL_BYTES))
        return told.transcripts(self.findings, appendix.briefings(self.findings), most_bytes=room)

    @cached_property
    def filters(self) -> dict[str, list[str]]:
        return told.choices_of(self.transcripts)

    @cached_property
    def subjects(self) -> list[str]:
        return self._planned("subjects")

    @cached_property
    def judges(self) -> list[str]:
        return self._planned("judges")

    def rows(self, table: str, **wanted: Cell) -> list[tuple[int, dict[str, Cell]]]:
        """The rows of a table, if it is there, in which the named columns have these values."""
        rows = forest.rows_of(self.findings.tables.get(table))
        return [(place, row) for place, row in rows if all(row.get(name) == value for name, value in wanted.items())]

    def by_measure(self, found: Iterable[Any]) -> list[tuple[str, list[Any]]]:
        """Forests or panels by their measure, in their order."""
        groups: dict[str, list[Any]] = {}
        for one in found:
            groups.setdefault(one.measure, []).append(one)
        return list(groups.items())

    def is_main(self, one: forest.Forest) -> bool:
        """Whether the page has begun with these estimates."""
        return (one.measure, one.subject) == (self.findings.choices.primary, forest.POOLED)

    def title_of(self, measure: str) -> str:
        return next((one.label for one in self.findings.choices.measures if one.name == measure), measure)

    def _planned(self, key: str) -> list[str]:
        """Model ids of all plans, each once."""
        names: dict[str, None] = {}
        for run in self.findings.runs:
            names.update(dict.fromkeys(str(name) for name in (run.plan or {}).get(key) or ()))
        if not names and key == "subjects":
            names.update(
                dict.fromkeys(str(row["subject"]) for _, row in self.rows("ledger") if row["subject"] != "all")
            )
        return list(names)

    def _is_main(self, row: Mapping[str, Cell]) -> bool:
        return row["measure"] == self.findings.choices.primary and row["subject"] == forest.POOLED

    def _contrasts(self, keep: Callable[[dict[str, Cell]], bool]) -> list[forest.Forest]:
        tables = self.findings.tables
        return forest.contrasts(tables.get("contrasts"), self.findings.choices, keep=keep, bounds=tables.get("bounds"))


def _flip(judge: str, sets: Mapping[str, tuple[int, dict[str, Cell]]]) -> dict[str, Any]:
    injection, control = sets["injection"], sets.get("control")
    is_apart = None
    if control is not None and injection[1]["lo"] is not None and control[1]["hi"] is not None:
        is_apart = float(injection[1]["lo"]) > float(control[1]["hi"])
    return {
        "judge": judge,
        "injection": injection[0],
        "control": None if control is None else control[0],
        "never": injection[1]["k"] == 0,
        "is_apart": is_apart,
    }
