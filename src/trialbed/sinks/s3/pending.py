"""What is to be delivered still? Files of dialogues that go on, and records, of which the files are made in time."""

from collections.abc import Iterable, Iterator
from itertools import islice

from trialbed.sinks.s3.objects import S3Object

MOST_LIVE = 2_000


class Pending:
    """What waits, oldest first. Live files are kept up to a bound: their record brings what was let go."""

    def __init__(self, trials: Iterable[str], *, most_live: int = MOST_LIVE) -> None:
        self._records: dict[str, None] = dict.fromkeys(trials)
        self._live: dict[str, tuple[str, S3Object]] = {}
        self._most_live = most_live

    def __len__(self) -> int:
        """Trials of which anything waits."""
        return len(self._records.keys() | {trial_id for trial_id, _ in self._live.values()})

    def __bool__(self) -> bool:
        return bool(self._records or self._live)

    def add_record(self, trial_id: str) -> None:
        self._records[trial_id] = None
        # The record has all of them, newer ones among them.
        for key in [key for key, (owner, _) in self._live.items() if owner == trial_id]:
            del self._live[key]

    def add_live(self, trial_id: str, made: S3Object) -> None:
        if trial_id in self._records:
            return
        self._live.pop(made.key, None)
        self._live[made.key] = (trial_id, made)
        for key in list(islice(self._live, max(0, len(self._live) - self._most_live))):
            del self._live[key]

    def live(self, most: int) -> list[S3Object]:
        """The oldest live files."""
        return [made for _, made in islice(self._live.values(), most)]

    def records(self) -> Iterator[str]:
        """The trials whose record waits; more may come while it is read."""
        return iter(tuple(self._records))

    def has_gone(self, made: S3Object) -> None:
        """A live file is there; a newer one under the same name waits on."""
        waiting = self._live.get(made.key)
        if waiting is not None and waiting[1] == made:
            del self._live[made.key]

    def record_has_gone(self, trial_id: str) -> None:
        self._records.pop(trial_id, None)
