"""What does a framing change? Every variant against the baseline, within blocks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from trialbed.analysis.population import Group, Population, cells
from trialbed.analysis.stats.effects import cliffs_delta, cohens_h
from trialbed.analysis.stats.equivalence import tost_paired, tost_paired_rates, tost_rates
from trialbed.analysis.stats.interval import Interval
from trialbed.analysis.stats.multiplicity import benjamini_hochberg, holm
from trialbed.analysis.stats.paired import (
    Clustered,
    clustered_difference,
    mcnemar_exact,
    paired_bootstrap_mean,
    paired_risk_difference,
    wilcoxon_p,
)
from trialbed.analysis.stats.unmatched import fisher_p, mann_whitney_p, mean_difference, risk_difference
from trialbed.analysis.table import Cell, Table, columns
from trialbed.core.choices import Choices
from trialbed.core.measure import Measure

LEAST_CLUSTERS = 10
"""With fewer clusters a bootstrap of clusters is too narrow to be called an interval."""

ESTIMATED = columns(
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
"""What a contrast is of, and how large it is; `Contrast.estimated` has the cells."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One variant against the baseline; see TABLES.md for each member."""

    measure: str
    subject: str
    variant: str
    baseline: str
    method: str
    pairs: int
    n_variant: int
    n_baseline: int
    variant_value: float
    baseline_value: float
    difference: float
    interval: Interval | None
    b: int | None = None
    c: int | None = None
    effect: float
    effect_name: str
    p: float
    p_equivalence: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None
    clustered: Clustered | None = None
    is_pooled: bool

    @property
    def estimated(self) -> tuple[Cell, ...]:
        lo, hi = (None, None) if self.interval is None else (self.interval.lo, self.interval.hi)
        place = (self.measure, self.subject, self.variant, self.baseline, self.method, self.pairs)
        values = (self.n_variant, self.n_baseline, self.variant_value, self.baseline_value, self.difference)
        return *place, *values, lo, hi

    @property
    def by_cluster(self) -> tuple[Cell, ...]:
        if self.clustered is None:
            return None, None, None, None
        interval = self.clustered.interval
        lo, hi = (None, None) if interval is None else (interval.lo, interval.hi)
        return self.clustered.clusters, lo, hi, self.clustered.p


def contrasts(population: Population, *, is_confirmatory: bool) -> Table:
    """The table of all contrasts; `is_confirmatory` says whether a locked plan holds for every run."""
    primary = population.choices.primary
    rows: list[tuple[Cell, ...]] = []
    for one in all_contrasts(population):
        is_main = is_confirmatory and one.measure == primary and one.is_pooled
        tests = (one.p, one.p_holm, one.p_bh, one.p_equivalence)
        role = "confirmatory" if is_main else "exploratory"
        rows.append((*one.estimated, one.b, one.c, one.effect, one.effect_name, *tests, role, *one.by_cluster))
    unmatched = any(row[4] == "unmatched" for row in rows)
    note = (
        "Where no block holds both variants the comparison is unmatched: it is weaker, and said in the method column."
    )
    return Table(
        "contrasts",
        "Every variant against the baseline, within blocks",
        ESTIMATED
        + columns(
            b="count",
            c="count",
            effect="number",
            effect_name="text",
            p="p",
            p_holm="p",
            p_bh="p",
            p_equivalence="p",
            role="text",
            clusters="count",
            lo_cluster="number",
            hi_cluster="number",
            p_cluster="p",
        ),
        tuple(rows),
        (note,) if unmatched else (),
    )


def all_contrasts(population: Population) -> list[Contrast]:
    """The contrasts of every binary and score measure, p values adjusted within their families."""
    found: list[Contrast] = []
    for measure in population.choices.measures:
        if measure.kind in ("binary", "score"):
            own = list(contrasts_of(population, measure))
            for is_pooled in (False, True):
                found += _adjusted([one for one in own if one.is_pooled == is_pooled])
    return found


def contrasts_of(population: Population, measure: Measure) -> Iterator[Contrast]:
    """The contrasts of one measure, not adjusted for their number."""
    arms: dict[tuple[Group, str], _Arm] = {}
    for cell in cells(population, measure):
        values = {row.block: value for row, value in zip(cell.rows, cell.numbers, strict=True)}
        clusters = {row.block: cluster for row, cluster in zip(cell.rows, cell.clusters, strict=True)}
        arms[cell.group, cell.variant] = _Arm(values, clusters)
    baseline = population.choices.baseline
    compare = _binary if measure.kind == "binary" else _score
    for group in population.groups:
        base = arms.get((group, baseline))
        for variant in population.variants:
            arm = arms.get((group, variant))
            if base is not None and arm is not None and variant != baseline:
                found = compare(arm, base, population.choices)
                place = _Place(measure.name, group.name, variant, baseline, group.is_pooled)
                yield found(place)


@dataclass(frozen=True)
class _Arm:
    """One variant in one group: value and cluster by block."""

    values: dict[str, float]
    clusters: dict[str, str]


@dataclass(frozen=True)
class _Place:
    measure: str
    subject: str
    variant: str
    baseline: str
    is_pooled: bool


_Made = Callable[[_Place], Contrast]


def _binary(arm: _Arm, base: _Arm, choices: Choices) -> _Made:
    blocks = sorted(arm.values.keys() & base.values.keys())
    margin, alpha = choices.equivalence_margin, choices.alpha
    if not blocks:
        k1, n1 = int(sum(arm.values.values())), len(arm.values)
        k0, n0 = int(sum(base.values.values())), len(base.values)
        return _contrast(
            pairs=0,
            values=(list(arm.values.values()), list(base.values.values())),
            interval=risk_difference(k1, n1, k0, n0, alpha=alpha),
            effect=cohens_h(k1 / n1, k0 / n0),
            effect_name="Cohen's h",
            p=fisher_p(k1, n1, k0, n0),
            p_equivalence=None if margin is None else tost_rates(k1, n1, k0, n0, margin=margin),
        )
    ours, theirs = [arm.values[block] for block in blocks], [base.values[block] for block in blocks]
    both = list(zip(ours, theirs, strict=True))
    n11, b, c, n00 = (both.count(pair) for pair in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)))
    return _contrast(
        pairs=len(blocks),
        values=(ours, theirs),
        interval=paired_risk_difference(n11, b, c, n00, alpha=alpha),
        effect=cohens_h(sum(ours) / len(ours), sum(theirs) / len(theirs)),
        effect_name="Cohen's h",
        p=mcnemar_exact(b, c),
        p_equivalence=None if margin is None else tost_paired_rates(n11, b, c, n00, margin=margin),
        discordant=(b, c),
        clustered=_clustered(arm, blocks, [one - other for one, other in both], alpha),
    )


def _score(arm: _Arm, base: _Arm, choices: Choices) -> _Made:
    blocks = sorted(arm.values.keys() & base.values.keys())
    if not blocks:
        ours, theirs = list(arm.values.values()), list(base.values.values())
        return _contrast(
            pairs=0,
            values=(ours, theirs),
            interval=mean_difference(ours, theirs, alpha=choices.alpha),
            effect=cliffs_delta(ours, theirs),
            effect_name="Cliff's delta",
            p=mann_whitney_p(ours, theirs),
        )
    ours, theirs = [arm.values[block] for block in blocks], [base.values[block] for block in blocks]
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    clusters = [arm.clusters[block] for block in blocks]
    margin = choices.equivalence_margin
    return _contrast(
        pairs=len(blocks),
        values=(ours, theirs),
        interval=paired_bootstrap_mean(
            differences,
            alpha=choices.alpha,
            resamples=choices.resamples,
            seed=choices.seed,
            clusters=clusters if len(set(clusters)) >= LEAST_CLUSTERS else None,
            expanded=True,
        ),
        effect=cliffs_delta(ours, theirs),
        effect_name="Cliff's delta",
        p=wilcoxon_p(differences),
        p_equivalence=None if margin is None else tost_paired(differences, margin=margin),
        clustered=_clustered(arm, blocks, differences, choices.alpha),
    )


def _clustered(arm: _Arm, blocks: Sequence[str], differences: Sequence[float], alpha: float) -> Clustered:
    return clustered_difference(differences, [arm.clusters[block] for block in blocks], alpha=alpha)


def _contrast(
    *,
    pairs: int,
    values: tuple[Sequence[float], Sequence[float]],
    interval: Interval | None,
    effect: float,
    effect_name: str,
    p: float,
    p_equivalence: float | None = None,
    discordant: tuple[int, int] | None = None,
    clustered: Clustered | None = None,
) -> _Made:
    ours, theirs = values
    one, other = sum(ours) / len(ours), sum(theirs) / len(theirs)
    b, c = discordant or (None, None)

    def at(place: _Place) -> Contrast:
        return Contrast(
            measure=place.measure,
            subject=place.subject,
            variant=place.variant,
            baseline=place.baseline,
            is_pooled=place.is_pooled,
            method="matched" if pairs else "unmatched",
            pairs=pairs,
            n_variant=len(ours),
            n_baseline=len(theirs),
            variant_value=one,
            baseline_value=other,
            difference=one - other,
            interval=interval,
            b=b,
            c=c,
            effect=effect,
            effect_name=effect_name,
            p=p,
            p_equivalence=p_equivalence,
            clustered=clustered,
        )

    return at


def _adjusted(family: list[Contrast]) -> list[Contrast]:
    ps = [one.p for one in family]
    return [
        replace(one, p_holm=by_holm, p_bh=by_bh)
        for one, by_holm, by_bh in zip(family, holm(ps), benjamini_hochberg(ps), strict=True)
    ]
