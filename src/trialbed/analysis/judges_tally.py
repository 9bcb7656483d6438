"""What did each judge of one judging come to? Pure: records in, counts out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JudgeTally:
    """Of the transcripts that a judge was asked about: how many have a valid main verdict of its, and how many second
    ones there are. `failed` = asked about, but without one."""

    judge: str
    valid: int
    failed: int
    second: int

    def as_line(self) -> str:
        again = f", {self.second} given a second time" if self.second else ""
        return f"Judge {self.judge}: {self.valid} valid verdicts, {self.failed} failed{again}"


def tally_of(
    records: Iterable[Mapping[str, Any]], judges: Sequence[str], *, judging: int, failed: int
) -> tuple[JudgeTally, ...]:
    """One tally for each of `judges`; `failed` transcripts have no verdict of this judging at all."""
    valid: Counter[str] = Counter()
    second: Counter[str] = Counter()
    judged = 0
    for record in records:
        own = [verdict for verdict in record["verdicts"] if verdict.get("judging", 0) == judging]
        judged += bool(own)
        valid.update({verdict["judge"] for verdict in own if not verdict.get("repeat", 0)})
        second.update({verdict["judge"] for verdict in own if verdict.get("repeat", 0)})
    return tuple(JudgeTally(name, valid[name], judged + failed - valid[name], second[name]) for name in judges)
