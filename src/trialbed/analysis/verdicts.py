"""Which verdict of a record speaks for which judge? Pure."""

from collections.abc import Iterator

from trialbed.analysis.rows import Row, Said


def main_verdict(row: Row) -> Said | None:
    """The verdict that the record's evaluation is: the first one of its newest judging."""
    first = [said for said in row.verdicts if said.repeat == 0]
    newest = max((said.judging for said in first), default=0)
    return next((said for said in first if said.judging == newest), None)


def newest_by_judge(row: Row, *, repeat: int = 0) -> dict[str, Said]:
    """Each judge's newest verdict of the main kind; verdicts that were reached by code have no judge."""
    main = main_verdict(row)
    found: dict[str, Said] = {}
    for said in _of_kind(row, None if main is None else main.name, repeat):
        assert said.judge is not None
        if said.judge not in found or said.judging >= found[said.judge].judging:
            found[said.judge] = said
    return found


def _of_kind(row: Row, name: str | None, repeat: int) -> Iterator[Said]:
    return (s for s in row.verdicts if s.name == name and s.judge is not None and s.repeat == repeat)
