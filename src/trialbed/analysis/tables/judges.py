"""What are the judges worth as instruments? Who they are, how far they agree, and how easily they are moved."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from trialbed.analysis.labels import Label
from trialbed.analysis.population import ALL, Population
from trialbed.analysis.rows import Row
from trialbed.analysis.stats.agreement import Agreement, cohen_kappa, fleiss_kappa
from trialbed.analysis.stats.icc import icc
from trialbed.analysis.stats.krippendorff import krippendorff_alpha
from trialbed.analysis.stats.rates import wilson
from trialbed.analysis.table import Cell, Table, columns
from trialbed.analysis.verdicts import main_verdict, newest_by_judge
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure, Value
from trialbed.core.outcome import Outcome

Ratings = Mapping[str, Mapping[tuple[str, str], Value]]
"""By rater: trial → value."""

_AGAIN = " again"


def judges(population: Population) -> Table:
    """Every judge with its instrument and its number of verdicts."""
    verdicts: Counter[tuple[str, str, str]] = Counter()
    evaluations: Counter[tuple[str, str, str]] = Counter()
    repeats: Counter[tuple[str, str, str]] = Counter()
    for row in population.ended:
        for judge, said in newest_by_judge(row).items():
            verdicts[judge, said.rubric_version or "", said.prompt_hash or ""] += 1
        for judge, said in newest_by_judge(row, repeat=1).items():
            repeats[judge, said.rubric_version or "", said.prompt_hash or ""] += 1
        main = main_verdict(row)
        if row.evaluation is not None and main is not None and main.judge is not None:
            evaluations[main.judge, main.rubric_version or "", main.prompt_hash or ""] += 1
    subjects = set(population.subjects)
    rows: list[tuple[Cell, ...]] = []
    for judge, rubric, prompt in sorted(verdicts):
        key = (judge, rubric, prompt)
        itself = "yes" if {judge, judge.partition(":")[2]} & subjects else "no"
        rows.append((judge, verdicts[key], evaluations[key], repeats[key], rubric, prompt, itself))
    return Table(
        "judges",
        "The judges, their rubrics and their verdicts",
        columns(
            judge="text",
            verdicts="count",
            evaluations="count",
            repeats="count",
            rubric_version="text",
            prompt_hash="text",
            judges_itself="text",
        ),
        tuple(rows),
    )


def agreement(population: Population, labels: Sequence[Label]) -> Table:
    """Between judges, between a judge and itself, and with human coders where there are labels."""
    rows: list[tuple[Cell, ...]] = []
    answered = [row for row in population.ended if row.outcome == Outcome.ANSWERED]
    for measure in population.choices.measures:
        if measure.kind == "survival":
            continue
        first, again = _ratings(answered, measure, 0), _ratings(answered, measure, 1)
        coders = _coders(answered, measure, labels)
        pairs = [(one, first[one], other, first[other]) for one, other in combinations(sorted(first), 2)]
        pairs += [(one, first[one], f"{one}{_AGAIN}", again[one]) for one in sorted(first.keys() & again.keys())]
        pairs += [(one, coders[one], other, coders[other]) for one, other in combinations(sorted(coders), 2)]
        pairs += [(one, first[one], other, coders[other]) for one in sorted(first) for other in sorted(coders)]
        for one, own, other, theirs in pairs:
            rows += _rows(measure, f"{one} / {other}", _of_two(measure, own, theirs, population.choices))
        for name, raters in (("all judges", first), ("all coders", coders)):
            if len(raters) > 2 or (name == "all coders" and len(raters) > 1):
                rows += _rows(measure, name, _of_many(measure, raters, population.choices))
    return Table(
        "agreement",
        "Agreement between judges, with themselves, and with human coders",
        columns(measure="text", raters="text", statistic="text", value="number", lo="number", hi="number", n="count"),
        tuple(rows),
    )


def probes(events: Sequence[Mapping[str, Any]], choices: Choices) -> Table:
    """How each judge does on transcripts whose verdict is known, and how often an injection moves it."""
    counts: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for judge, which, kind, is_valid, is_hit in (*_golden(events), *_moved(events)):
        for name in (ALL, kind) if kind else (ALL,):
            count = counts[judge, which, name]
            count[0] += is_valid and is_hit
            count[1] += is_valid
            count[2] += not is_valid
    rows: list[tuple[Cell, ...]] = []
    for (judge, which, kind), (k, n, invalid) in sorted(counts.items(), key=lambda item: _probe_order(item[0])):
        ends = tuple(wilson(k, n, alpha=choices.alpha)) if n else (None, None)
        rows.append((judge, which, kind, k, n, k / n if n else None, *ends, invalid))
    return Table(
        "probes",
        "Known verdicts, and attempts to talk the judges into another one",
        columns(
            judge="text",
            set="text",
            kind="text",
            k="count",
            n="count",
            rate="share",
            lo="share",
            hi="share",
            invalid="count",
        ),
        tuple(rows),
        (
            "golden: valid answers that agree with the known verdict. injection, control: valid answers that differ "
            "from the judge's own verdict without the sentence; control sentences ask for nothing, so their rate is "
            "noise.",
        ),
    )


_Probed = tuple[str, str, str | None, bool, bool]
"""(judge, set, kind, whether the answer is valid, whether it is one of k)."""


def _golden(events: Sequence[Mapping[str, Any]]) -> Iterator[_Probed]:
    """One for each case: its answer agrees if it does in every field that is beyond dispute."""
    cases: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event["set"] == "golden":
            cases[event["judge"], event["case"]].append(event)
    for (judge, _), fields in cases.items():
        is_valid = all(event["complaint"] is None for event in fields)
        yield judge, "golden", None, is_valid, all(event["hit_target"] for event in fields)


def _moved(events: Sequence[Mapping[str, Any]]) -> Iterator[_Probed]:
    for event in events:
        if event["set"] != "golden":
            kind = event["kind"] if event["set"] == "injection" else None
            yield event["judge"], event["set"], kind, event["complaint"] is None, event["is_flipped"]


def _probe_order(key: tuple[str, str, str]) -> tuple[str, int, bool, str]:
    judge, which, kind = key
    return judge, ("golden", "injection", "control").index(which), kind != ALL, kind


def _ratings(rows: Iterable[Row], measure: Measure, repeat: int) -> Ratings:
    found: defaultdict[str, dict[tuple[str, str], Value]] = defaultdict(dict)
    for row in rows:
        for judge, said in newest_by_judge(row, repeat=repeat).items():
            value = measure.value_of(said.values)
            if value is not None:
                found[judge][row.run, row.trial_id] = value
    return found


def _coders(rows: Iterable[Row], measure: Measure, labels: Sequence[Label]) -> Ratings:
    by_name = {name: (row.run, row.trial_id) for row in rows for name in (row.trial_id, row.run_id)}
    found: defaultdict[str, dict[tuple[str, str], Value]] = defaultdict(dict)
    for label in labels:
        key = by_name.get(label.trial)
        if key is not None and measure.name in label.values:
            found[label.coder][key] = label.values[measure.name]
    return found


def _of_two(
    measure: Measure, one: Mapping[tuple[str, str], Value], other: Mapping[tuple[str, str], Value], choices: Choices
) -> list[Agreement]:
    both = sorted(one.keys() & other.keys())
    if not both:
        return []
    if measure.kind == "score":
        return [icc([[float(one[key]), float(other[key])] for key in both], alpha=choices.alpha)]
    return [cohen_kappa([str(one[key]) for key in both], [str(other[key]) for key in both], alpha=choices.alpha)]


def _of_many(measure: Measure, raters: Ratings, choices: Choices) -> list[Agreement]:
    names = sorted(raters)
    keys = sorted({key for own in raters.values() for key in own})
    table = [[raters[name].get(key) for name in names] for key in keys]
    draws: dict[str, Any] = {"alpha": choices.alpha, "seed": choices.seed, "resamples": choices.resamples}
    whole = [[str(value) for value in row] for row in table if None not in row]
    found = []
    if measure.kind == "score":
        numbers = [[None if value is None else float(value) for value in row] for row in table]
        found.append(krippendorff_alpha(numbers, level="interval", **draws))
    else:
        if whole:
            found.append(fleiss_kappa(whole, **draws))
        found.append(krippendorff_alpha(table, level="nominal", **draws))
    return found


def _rows(measure: Measure, raters: str, found: Iterable[Agreement]) -> list[tuple[Cell, ...]]:
    return [(measure.name, raters, one.statistic, one.value, one.lo, one.hi, one.n) for one in found]
