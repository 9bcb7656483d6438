"""How does each variant differ from the baseline? The tables `contrasts` and `sensitivity`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from trialbed.analysis.recheck import shares, spreads
from trialbed.analysis.recheck.exact import fisher, mann_whitney, mcnemar, wilcoxon
from trialbed.analysis.recheck.multiplicity import benjamini_hochberg, holm
from trialbed.analysis.recheck.rows import Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import ALL, Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure

_TO_HI = columns(
    measure="text",
    subject="text",
    variant="text",
    baseline="text",
    method="text",
    pairs="count",
    n_variant="count",
    n_baseline="count",
    variant_value="number",
    baseline_value="number",
    difference="number",
    lo="number",
    hi="number",
)
CONTRASTS = (
    *_TO_HI,
    *columns(b="count", c="count", effect="number", effect_name="text", p="p", p_holm="p", p_bh="p", p_equivalence="p"),
    *columns(role="text", clusters="count", lo_cluster="number", hi_cluster="number", p_cluster="p"),
)
SENSITIVITY = (*columns(without="count"), *_TO_HI, *columns(p="p"))
MATCHED, UNMATCHED = "matched", "unmatched"
COHENS_H, CLIFFS_DELTA = "Cohen's h", "Cliff's delta"
_LEAST_CLUSTERS = 10


@dataclass(frozen=True)
class Pair:
    """The two values of a block, and where it belongs."""

    block: tuple[str, str]
    cluster: str
    variant: float
    baseline: float

    @property
    def difference(self) -> float:
        return self.variant - self.baseline


@dataclass(frozen=True)
class Contrast:
    """One variant against the baseline, before anything is adjusted."""

    method: str
    pairs: int
    n_variant: int
    n_baseline: int
    variant_value: float
    baseline_value: float
    difference: float
    interval: tuple[float, float] | None
    b: int | None
    c: int | None
    effect: float
    effect_name: str
    p: float
    p_equivalence: float | None
    by_cluster: tuple[Cell, ...] = (None, None, None, None)

    @property
    def to_hi(self) -> tuple[Cell, ...]:
        """The cells from `method` to `hi`."""
        lo, hi = self.interval or (None, None)
        counts = (self.method, self.pairs, self.n_variant, self.n_baseline)
        return *counts, self.variant_value, self.baseline_value, self.difference, lo, hi


def contrasts(study: Study, *, is_confirmatory: bool) -> Sheet:
    sheet = Sheet("contrasts", CONTRASTS, [], key=("measure", "subject", "variant"))
    for measure in study.measures("binary", "score"):
        found = list(_all_of(study, measure, lambda row: True))
        overall = [contrast.p for subject, _, contrast in found if subject == ALL]
        within = [contrast.p for subject, _, contrast in found if subject != ALL]
        adjusted = {True: _adjusted(overall), False: _adjusted(within)}
        for subject, variant, one in found:
            confirms = is_confirmatory and subject == ALL and measure.name == study.choices.primary
            names = (measure.name, subject, variant, study.choices.baseline)
            told = (one.b, one.c, one.effect, one.effect_name, one.p, *next(adjusted[subject == ALL]))
            role = "confirmatory" if confirms else "exploratory"
            sheet.rows.append((*names, *one.to_hi, *told, one.p_equivalence, role, *one.by_cluster))
    return sheet


def sensitivity(study: Study) -> Sheet:
    """The primary measure's contrasts without trials that have a short reply."""
    sheet = Sheet("sensitivity", SENSITIVITY, [], key=("measure", "subject", "variant"))
    choices = study.choices
    measure = None if choices.primary is None else choices.measure(choices.primary)
    if measure is None or measure.kind not in ("binary", "score") or not choices.least_words:
        return sheet

    def is_long(row: Row) -> bool:
        return row.fewest_words is None or row.fewest_words >= choices.least_words

    without = sum(row.is_analysed and not is_long(row) for row in study.rows)
    for subject, variant, one in _all_of(study, measure, is_long):
        sheet.rows.append((without, measure.name, subject, variant, choices.baseline, *one.to_hi, one.p))
    return sheet


def pairs_of(rows: Iterable[Row], study: Study, measure: Measure, variant: str) -> list[Pair]:
    """The blocks in which the measure counts for the variant and for the baseline, in the order of their names."""
    sides: dict[tuple[str, str], dict[str, Row]] = {}
    for row in study.counting(rows, measure):
        if row.planned.variant in (variant, study.choices.baseline):
            sides.setdefault(row.block, {})[row.planned.variant] = row
    found = []
    for block in sorted(sides):
        one, other = sides[block].get(variant), sides[block].get(study.choices.baseline)
        if one is not None and other is not None:
            values = study.numbers([one, other], measure)
            found.append(Pair(block, study.cluster(one, measure), *values))
    return found


def _all_of(study: Study, measure: Measure, is_kept: Callable[[Row], bool]) -> Iterable[tuple[str, str, Contrast]]:
    for subject in study.strata:
        rows = [row for row in study.of_subject(subject) if is_kept(row)]
        for variant in study.others:
            contrast = _contrast(study, measure, rows, variant)
            if contrast is not None:
                yield subject, variant, contrast


def _contrast(study: Study, measure: Measure, rows: Sequence[Row], variant: str) -> Contrast | None:
    pairs = pairs_of(rows, study, measure, variant)
    if pairs:
        return (_matched_shares if measure.kind == "binary" else _matched_scores)(pairs, study.choices)
    counting = study.counting(rows, measure)
    first = study.numbers([row for row in counting if row.planned.variant == variant], measure)
    second = study.numbers([row for row in counting if row.planned.variant == study.choices.baseline], measure)
    if not first or not second:
        return None
    return (_unmatched_shares if measure.kind == "binary" else _unmatched_scores)(first, second, study.choices)


def _matched_shares(pairs: Sequence[Pair], choices: Choices) -> Contrast:
    n = len(pairs)
    first, second = [pair.variant for pair in pairs], [pair.baseline for pair in pairs]
    b = sum(pair.difference > 0 for pair in pairs)
    c = sum(pair.difference < 0 for pair in pairs)
    margin = choices.equivalence_margin
    return Contrast(
        method=MATCHED,
        pairs=n,
        n_variant=n,
        n_baseline=n,
        variant_value=spreads.mean(first),
        baseline_value=spreads.mean(second),
        difference=(b - c) / n,
        interval=shares.paired_difference(b, c, n, choices.alpha),
        b=b,
        c=c,
        effect=shares.cohens_h(spreads.mean(first), spreads.mean(second)),
        effect_name=COHENS_H,
        p=mcnemar(b, c),
        p_equivalence=None if margin is None or margin >= 1 else shares.paired_equivalence(b, c, n, margin),
        by_cluster=_by_cluster(pairs, choices.alpha),
    )


def _matched_scores(pairs: Sequence[Pair], choices: Choices) -> Contrast:
    n = len(pairs)
    first, second = [pair.variant for pair in pairs], [pair.baseline for pair in pairs]
    differences = [pair.difference for pair in pairs]
    margin = choices.equivalence_margin
    return Contrast(
        method=MATCHED,
        pairs=n,
        n_variant=n,
        n_baseline=n,
        variant_value=spreads.mean(first),
        baseline_value=spreads.mean(second),
        difference=spreads.mean(differences),
        interval=_drawn(pairs, choices),
        b=None,
        c=None,
        effect=spreads.cliffs_delta(first, second),
        effect_name=CLIFFS_DELTA,
        p=wilcoxon(differences),
        p_equivalence=None if margin is None else spreads.paired_equivalence(differences, margin),
        by_cluster=_by_cluster(pairs, choices.alpha),
    )


def _by_cluster(pairs: Sequence[Pair], alpha: float) -> tuple[Cell, ...]:
    """How many clusters there are; and where some hold several pairs, the interval and p that allow for it."""
    clusters = [pair.cluster for pair in pairs]
    g = len(set(clusters))
    if not 1 < g < len(pairs):
        return g, None, None, None
    found = spreads.robust_test([pair.difference for pair in pairs], clusters, alpha)
    return (g, None, None, None) if found is None else (g, *found)


def _drawn(pairs: Sequence[Pair], choices: Choices) -> tuple[float, float] | None:
    """The bootstrap's interval: of clusters where there are ten or more, else of pairs; none of a single pair."""
    if len(pairs) == 1:
        return None
    differences = [pair.difference for pair in pairs]
    clusters = [pair.cluster for pair in pairs]
    sums, sizes = differences, [1] * len(pairs)
    if len(set(clusters)) >= _LEAST_CLUSTERS:
        sums, sizes = spreads.by_cluster(differences, clusters)
    return spreads.bootstrap_interval(sums, sizes, alpha=choices.alpha, resamples=choices.resamples, seed=choices.seed)


def _unmatched_shares(first: Sequence[float], second: Sequence[float], choices: Choices) -> Contrast:
    counts = (round(sum(first)), len(first), round(sum(second)), len(second))
    margin = choices.equivalence_margin
    return Contrast(
        method=UNMATCHED,
        pairs=0,
        n_variant=len(first),
        n_baseline=len(second),
        variant_value=spreads.mean(first),
        baseline_value=spreads.mean(second),
        difference=spreads.mean(first) - spreads.mean(second),
        interval=shares.unmatched_difference(*counts, choices.alpha),
        b=None,
        c=None,
        effect=shares.cohens_h(spreads.mean(first), spreads.mean(second)),
        effect_name=COHENS_H,
        p=fisher(*counts),
        p_equivalence=None if margin is None or margin >= 1 else shares.unmatched_equivalence(*counts, margin),
    )


def _unmatched_scores(first: Sequence[float], second: Sequence[float], choices: Choices) -> Contrast:
    return Contrast(
        method=UNMATCHED,
        pairs=0,
        n_variant=len(first),
        n_baseline=len(second),
        variant_value=spreads.mean(first),
        baseline_value=spreads.mean(second),
        difference=spreads.mean(first) - spreads.mean(second),
        interval=spreads.welch_interval(first, second, choices.alpha),
        b=None,
        c=None,
        effect=spreads.cliffs_delta(first, second),
        effect_name=CLIFFS_DELTA,
        p=mann_whitney(first, second),
        p_equivalence=None,
    )


def _adjusted(ps: Sequence[float]) -> Iterator[tuple[float, float]]:
    return iter(list(zip(holm(ps), benjamini_hochberg(ps), strict=True)))
