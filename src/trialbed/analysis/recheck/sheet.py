"""What is a recomputed table? Its columns, its rows, which columns name a row, and how much chance is in a cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trialbed.analysis.table import Cell, Column, spelt


@dataclass
class Sheet:
    """`key` are the columns that name a row; rows of the same name stand in their order.

    `slack` has, by row and column, by how much two honest computations may differ where random draws are involved.
    """

    name: str
    columns: tuple[Column, ...]
    rows: list[tuple[Cell, ...]]
    key: tuple[str, ...]
    slack: dict[tuple[int, str], float] = field(default_factory=dict)

    def add(self, row: tuple[Cell, ...], **slack: float) -> None:
        """A row more; `slack` by column."""
        for name, most in slack.items():
            if most:
                self.slack[len(self.rows), name] = most
        self.rows.append(row)

    @property
    def heading(self) -> list[str]:
        return [column.name for column in self.columns]

    def spelt(self) -> list[list[str]]:
        return [[spelt(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)] for row in self.rows]

    def name_of(self, row: Sequence[str]) -> str:
        """How a row of spelt cells is named in a message."""
        named = dict(zip(self.heading, row, strict=False))
        return ", ".join(named.get(name) or "–" for name in self.key)
