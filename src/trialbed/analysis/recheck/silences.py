"""When was there an answer, and when none? The tables `availability` and `outages`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spans import began, moment_of
from trialbed.analysis.recheck.study import ALL, Study
from trialbed.analysis.table import columns

AVAILABILITY = columns(
    variant="text",
    subject="text",
    bin_start="text",
    ended="count",
    answered="count",
    failed="count",
    failures="text",
    share="share",
)
OUTAGES = columns(
    subject="text",
    variant="text",
    first_at="text",
    last_at="text",
    answered_at="text",
    trials="count",
    failures="text",
)


def availability(study: Study) -> Sheet:
    sheet = Sheet("availability", AVAILABILITY, [], key=("variant", "subject", "bin_start"))
    spans = study.spans
    for (variant, subject), rows in _ended(study).items() if spans else ():
        bins: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if spans:
                bins[spans.bin_at(began(row))].append(row)
        for start, those in bins.items():
            good = len([row for row in those if row.outcome == "answered"])
            place = (variant, subject, moment_of(start))
            sheet.rows.append((*place, len(those), good, len(those) - good, _others(those), good / len(those)))
    return sheet


def outages(study: Study) -> Sheet:
    sheet = Sheet("outages", OUTAGES, [], key=("subject", "variant", "first_at"))
    spans = study.spans
    if spans is None or spans.step is None:
        return sheet
    ended = _ended(study)
    whole: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for variant in (ALL, *study.variants):
        for subject in {name for at, name in ended if at == variant}:
            for silent, following in _silent(ended[variant, subject]):
                first, last = began(silent[0]), began(silent[-1])
                is_part = any(one <= first and last <= other for one, other in whole[subject])
                if last - first < 2 * spans.step or is_part:
                    continue
                if variant == ALL:
                    whole[subject].append((first, last))
                again = None if following is None else moment_of(began(following))
                place = (subject, variant, moment_of(first), moment_of(last), again)
                sheet.rows.append((*place, len(silent), _others(silent)))
    return sheet


def _ended(study: Study) -> dict[tuple[str, str], list[Row]]:
    """By variant and subject; of several variants also all of them."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in study.rows:
        names = [row.planned.variant, *([ALL] if len(study.variants) > 1 else [])]
        for name in names if row.has_ended else ():
            found[name, row.planned.served_by].append(row)
    return found


def _silent(rows: Sequence[Row]) -> Iterator[tuple[list[Row], Row | None]]:
    """Trials without an answer between two that have one, and the second of these."""
    silent: list[Row] = []
    for row in sorted(rows, key=lambda row: (began(row), row.planned.trial_id)):
        if row.outcome != "answered":
            silent.append(row)
        elif silent:
            yield silent, row
            silent = []
    if silent:
        yield silent, None


def _others(rows: Iterable[Row]) -> str | None:
    counts = Counter(str(row.outcome) for row in rows if row.outcome != "answered")
    return (
        ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=lambda name: (-counts[name], name))) or None
    )
