"""Which verdict of a record speaks for which judge? Pure."""

from collections.abc import Iterator

from trialbed.analysis.rows import Row, Said


def main_verdict(row: Row) -> Said | None:
    """The verdict that the record's evaluation is: the first one of its newest judging; None without an evaluation."""
    if row.evaluation is None:
        return None
    first = [said for said in row.verdicts if said.repeat == 0]
    newest = max((said.judging for said in first), default=0)
    return next((said for said in first if said.judging == newest), None)


def newest_by_judge(row: Row, *, repeat: int = 0) -> dict[str, Said]:
    """Each judge's newest verdict of the main kind; verdicts that were reached by code have no judge.

    With `repeat` 1 the second one of the same judging: of an older one it might follow another rubric.
    """
    if all(said.judge is None for said in row.verdicts):
        return {}
    main = main_verdict(row)
    name = None if main is None else main.name
    newest: dict[str, Said] = {}
    for said in _of_kind(row, name, 0):
        assert said.judge is not None
        if said.judge not in newest or said.judging >= newest[said.judge].judging:
            newest[said.judge] = said
    if not repeat:
        return newest
    again = (said for said in _of_kind(row, name, repeat) if said.judge in newest)
    return {str(said.judge): said for said in again if said.judging == newest[str(said.judge)].judging}


def _of_kind(row: Row, name: str | None, repeat: int) -> Iterator[Said]:
    return (s for s in row.verdicts if s.name == name and s.judge is not None and s.repeat == repeat)
