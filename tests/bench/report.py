"""What does a part of the benchmark hand in, and how does the whole look as Markdown? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ratio:
    """One figure that is compared with an aim. Smaller is better unless `more_is_better`."""

    what: str
    value: float
    aim: float | None = None
    more_is_better: bool = False
    form: str = "{:.2f}"

    @property
    def cells(self) -> tuple[str, str, str]:
        if self.aim is None:
            return self.what, self.form.format(self.value), ""
        met = self.value >= self.aim if self.more_is_better else self.value <= self.aim
        sign = "≥" if self.more_is_better else "≤"
        return self.what, self.form.format(self.value), f"{sign} {self.form.format(self.aim)} {'✓' if met else '✗'}"


@dataclass(frozen=True)
class Report:
    """What one part found: ratios for the summary, one table of figures, and remarks; or, if it failed, why."""

    title: str
    header: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    ratios: Sequence[Ratio] = ()
    remarks: Sequence[str] = ()
    failed: bool = False


@dataclass(frozen=True)
class Setting:
    """When, where and with which versions all of it was measured."""

    date: str
    machine: str
    versions: dict[str, str] = field(default_factory=dict)


def as_markdown(setting: Setting, reports: Sequence[Report]) -> str:
    """The summary of all ratios, then a table for each part."""
    versions = ", ".join(f"{name} {version}" for name, version in setting.versions.items())
    parts = [f"Measured {setting.date} on {setting.machine}. Versions: {versions}."]
    if ratios := [ratio.cells for report in reports for ratio in report.ratios]:
        parts.append(table(("figure", "measured", "aim"), ratios))
    for report in reports:
        parts.append(f"**{report.title}**")
        if report.rows:
            parts.append(table(report.header, report.rows))
        parts += [f"- {remark}" for remark in report.remarks]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, aligned for those who read it as text."""
    cells = [[cell.replace("|", "/").replace("\n", " ") for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
