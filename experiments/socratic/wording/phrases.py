"""Where does one of a list of phrases stand in a row of words? Whole words only; any number of phrases, one pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from .listing import words
from .reading import Word

_GERUND = "*ing"
_END = ""
_NO_GERUNDS = words("""
    thing things anything everything something nothing being king spring string ring wing during morning evening
    ceiling sibling ending building meaning feeling wedding sterling offspring duckling
""")
"""`being` is one, but `have you considered being` hardly occurs, and `a human being` does."""


@dataclass(frozen=True)
class Phrases:
    """Phrases as a tree: under each word those that may follow it. A phrase ends where the empty word may follow."""

    tree: Mapping[str, Any]

    def found_in(self, row: Sequence[Word]) -> Iterator[tuple[int, int]]:
        """From which word to behind which other each phrase reaches; the longest of those that begin at one word."""
        tree = self.tree
        for position, word in enumerate(row):
            if word.text in tree and (end := self._end(row, position)):
                yield position, end

    def _end(self, row: Sequence[Word], position: int) -> int:
        """Behind which word the longest phrase that begins here ends; 0 if none does."""
        branch, end = self.tree, 0
        for at in range(position, len(row)):
            following = branch.get(row[at].text)
            if following is None and _GERUND in branch and _is_gerund(row[at].text):
                following = branch[_GERUND]
            if following is None:
                break
            branch = following
            if _END in branch:
                end = at + 1
        return end


def phrases(listed: str) -> Phrases:
    """One phrase a line; `a|b` is either word, `*ing` any gerund, `-` no word at all."""
    tree: dict[str, Any] = {}
    for line in filter(None, map(str.strip, listed.splitlines())):
        for chosen in product(*(part.split("|") for part in line.split())):
            branch = tree
            for part in chosen:
                branch = branch if part == "-" else branch.setdefault(part, {})
            branch[_END] = {}
    return Phrases(tree)


def _is_gerund(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing") and word not in _NO_GERUNDS
