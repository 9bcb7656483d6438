"""By which name does a subject stand in a report? Pure."""

from collections import Counter
from collections.abc import Iterable


def names_of(subjects: Iterable[str]) -> dict[str, str]:
    """Each `provider:model` and its name: the model's id, or all of it where several providers serve one id."""
    known = tuple(dict.fromkeys(subjects))
    times = Counter(map(_id, known))
    return {subject: _id(subject) if times[_id(subject)] == 1 else subject for subject in known}


def _id(subject: str) -> str:
    return subject.partition(":")[2]
