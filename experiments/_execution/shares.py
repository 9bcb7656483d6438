"""How are counts told? A share over the answers that may be scored, and beside it over all that were asked. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialbed.core.cluster import cluster_of

Record = Mapping[str, Any]
Hit = Callable[[Record], bool | None]
"""Whether a record counts as a hit; None = it is not in the denominator."""

_ENDED = ("answered", "truncated", "refused", "filtered", "parse_failed")
"""Outcomes of trials in which the model was heard. Of the others it is not known what it would have said."""


@dataclass(frozen=True)
class Asked:
    """The records of some trials. A model that was never heard (an error of the provider) is in no share."""

    records: Sequence[Record]

    @property
    def heard(self) -> list[Record]:
        return [record for record in self.records if record["outcome"] in _ENDED]

    @property
    def scored(self) -> list[Record]:
        """Whose answer is complete and could be read."""
        return [record for record in self.heard if record["outcome"] == "answered" and record["evaluation"] is not None]

    @property
    def unreadable(self) -> list[Record]:
        """Whose answer came and says nothing that could be read."""
        return [record for record in self.heard if record["outcome"] == "parse_failed"]

    def outcomes(self) -> dict[str, int]:
        return dict(sorted(Counter(record["outcome"] for record in self.records).items()))

    def share(self, hit: Hit, *, in_all: Hit | None = None) -> dict[str, Any]:
        """The share of hits, clustered by question, among answers that were complete and could be read.

        `completed` counts complete answers, `unreadable` those of them that said nothing that could be read.
        `value_all` is the share among all trials in which the model was heard: what did not come to an answer is no
        hit there. `in_all` says which of those without an answer belong to its denominator; None = all of them.
        """
        told = [(record, found) for record in self.scored if (found := hit(record)) is not None]
        unscored = [record for record in self.heard if record["evaluation"] is None]
        also = [record for record in unscored if in_all is None or in_all(record)]
        truncated = sum(record["outcome"] == "truncated" for record in self.heard)
        return {
            **_told([found for _, found in told], [record for record, _ in told], ""),
            **_told(
                [*(found for _, found in told), *(False for _ in also)], [*(one for one, _ in told), *also], "_all"
            ),
            "completed": len(self.scored) + len(self.unreadable),
            "unreadable": len(self.unreadable),
            "truncated": truncated,
            "truncation_rate": truncated / len(self.heard) if self.heard else None,
        }

    def rate_of(self, hit: Callable[[Record], bool]) -> dict[str, Any]:
        """The share of these very records, clustered by question."""
        return _told([hit(record) for record in self.records], self.records, "")


def _told(hits: Sequence[bool], records: Sequence[Record], suffix: str) -> dict[str, Any]:
    """Null where nothing counts; the interval is null with fewer than two questions."""
    if not hits:
        return {f"value{suffix}": None, f"k{suffix}": 0, f"n{suffix}": 0, f"ci{suffix}": None}
    # Imported late: every command loads the experiments, and few need statistics.
    from trialbed.analysis.stats.clustered import clustered_share

    found = clustered_share(hits, [cluster_of(record["scenario"]) for record in records])
    ends = None if found.interval is None else [found.interval.lo, found.interval.hi]
    return {f"value{suffix}": found.value, f"k{suffix}": found.k, f"n{suffix}": found.n, f"ci{suffix}": ends}
