"""What difference could the run have found, and what would it take to find another? The table `power`.

Of the exact McNemar test (Duffy, Biometrics 40, 1984, 1005) if the two trials of a block are independent, and of the
paired t test (Cohen 1988, chapter 2).
"""

import math
from collections.abc import Callable, Iterator

from scipy.special import bdtr, bdtrc, nctdtr, stdtrit

from trialbed.analysis.recheck.contrasts import pairs_of
from trialbed.analysis.recheck.hours import hours_of
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.spreads import mean, variance
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import Cell, columns
from trialbed.core.measure import Measure

POWER = columns(
    measure="text", difference="number", pairs="count", trials="count", usd="number", hours="number", note="text"
)
REACHED, NEEDED = "reached", "needed"
_TARGET = 0.8
_SHARES = (0.05, 0.1, 0.2, 0.3)
_STANDARD_DEVIATIONS = (0.1, 0.2, 0.5, 0.8)
_MOST_PAIRS = 10**7
_NEGLIGIBLE = 1e-18
_STEPS = 60

PowerOf = Callable[[int, float], float]
"""From pairs and a difference to the chance of finding it."""


def power(study: Study) -> Sheet:
    sheet = Sheet("power", POWER, [], key=("measure", "note"))
    measure = None if study.choices.primary is None else study.choices.measure(study.choices.primary)
    if measure is None or measure.kind not in ("binary", "score"):
        return sheet
    differences = [[pair.difference for pair in pairs_of(study.rows, study, measure, other)] for other in study.others]
    there = min((len(of_variant) for of_variant in differences if of_variant), default=0)
    if measure.kind == "binary":
        found = _of_shares(study, measure, there)
    else:
        found = _of_scores(differences, there, study.choices.alpha)
    for difference, pairs, note in found if there else ():
        sheet.rows.append((measure.name, difference, pairs, *_cost(study, pairs), note))
    return sheet


def _of_shares(study: Study, measure: Measure, there: int) -> Iterator[tuple[float | None, int | None, str]]:
    baseline = [row for row in study.rows if row.planned.variant == study.choices.baseline]
    p_0 = mean(study.numbers(study.counting(baseline, measure), measure))
    towards_half, room = (1, 1 - p_0) if p_0 <= 0.5 else (-1, p_0)

    def chance(pairs: int, difference: float) -> float:
        return mcnemar_power(pairs, p_0, p_0 + towards_half * difference, study.choices.alpha)

    yield smallest_found(chance, there, room), there, REACHED
    for difference in _SHARES:
        yield difference, fewest_pairs(chance, difference, least=1), NEEDED


def _of_scores(
    differences: list[list[float]], there: int, alpha: float
) -> Iterator[tuple[float | None, int | None, str]]:
    pooled = [difference for of_variant in differences for difference in of_variant]
    sd = math.sqrt(variance(pooled)) if len(pooled) > 1 else 0.0
    if not sd:
        return

    def chance(pairs: int, size: float) -> float:
        return t_power(pairs, size, alpha)

    size = smallest_found(chance, there, _enough(chance, there)) if there > 1 else None
    yield None if size is None else size * sd, there, REACHED
    for size in _STANDARD_DEVIATIONS:
        yield size * sd, fewest_pairs(chance, size, least=2), NEEDED


def _cost(study: Study, pairs: int | None) -> tuple[Cell, Cell, Cell]:
    """Trials, dollars and hours of so many blocks, at what an ended trial of these runs has taken."""
    if pairs is None:
        return None, None, None
    trials, ended = pairs * len(study.variants), [row for row in study.rows if row.has_ended]
    costs = [row.cost_usd for row in ended if row.cost_usd is not None]
    usd = trials * math.fsum(costs) / len(ended) if len(costs) == len(ended) else None
    return trials, usd, trials * hours_of(study.runs) / len(ended)


def mcnemar_power(pairs: int, p_0: float, p_1: float, alpha: float) -> float:
    """That the exact two-sided test rejects: the number of discordant pairs is binomial, and so is their split."""
    gained, lost = p_1 * (1 - p_0), p_0 * (1 - p_1)
    moved = gained + lost
    if moved <= 0:
        return 0.0
    total, critical = 0.0, -1
    for discordant in range(pairs + 1):
        # The largest count on the rarer side that still rejects; it never falls as pairs are added.
        while 2 * bdtr(critical + 1, discordant, 0.5) <= alpha and critical + 1 <= discordant:
            critical += 1
        weight = _binomial(discordant, pairs, moved)
        if critical < 0 or weight < _NEGLIGIBLE:
            continue
        few = bdtr(critical, discordant, gained / moved)
        many = bdtrc(discordant - critical - 1, discordant, gained / moved)
        total += weight * min(1.0, float(few + many))
    return total


def t_power(pairs: int, size: float, alpha: float) -> float:
    """Of the paired t test if the mean difference is `size` standard deviations."""
    df, away = pairs - 1, size * math.sqrt(pairs)
    critical = float(stdtrit(df, 1 - alpha / 2))
    return 1 - _noncentral_t(df, away, critical) + _noncentral_t(df, away, -critical)


def _noncentral_t(df: int, away: float, at: float) -> float:
    """That a noncentral t is at most `at`; where the routine gives up, far in the lower tail, as good as never."""
    chance = float(nctdtr(df, away, at))
    return 0.0 if math.isnan(chance) else chance


def smallest_found(chance: PowerOf, pairs: int, most: float) -> float | None:
    """The smallest difference that is found with probability 0.8; None if `most` is not."""
    if chance(pairs, most) < _TARGET:
        return None
    low, high = 0.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if chance(pairs, middle) >= _TARGET else (middle, high)
    return high


def _enough(chance: PowerOf, pairs: int) -> float:
    """A difference that is found for sure enough, not many times larger than need be."""
    size = 1.0
    while chance(pairs, size) < _TARGET:
        size *= 2
    return size


def fewest_pairs(chance: PowerOf, difference: float, *, least: int) -> int | None:
    """By doubling, then by halving: enough pairs, while one fewer is not."""
    enough = least
    while chance(enough, difference) < _TARGET:
        if enough >= _MOST_PAIRS:
            return None
        enough = min(2 * enough, _MOST_PAIRS)
    too_few = enough // 2 if enough > least else least - 1
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        too_few, enough = (too_few, middle) if chance(middle, difference) >= _TARGET else (middle, enough)
    return enough


def _binomial(k: int, n: int, p: float) -> float:
    if p >= 1:
        return float(k == n)
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log + k * math.log(p) + (n - k) * math.log1p(-p))
