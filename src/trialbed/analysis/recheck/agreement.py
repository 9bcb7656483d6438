"""Do judges agree with each other and with themselves? The tables `judges` and `agreement`.

A judge's main verdicts are those of the name that evaluates the run's trials; beside them stand verdicts reached during
the dialogue.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from trialbed.analysis.recheck.reliability import (
    Agreed,
    Rating,
    cohens_kappa,
    fleiss_kappa,
    icc,
    krippendorffs_alpha,
)
from trialbed.analysis.recheck.rows import Opinion, Row
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import columns
from trialbed.core.measure import Measure

JUDGES = columns(
    judge="text",
    verdicts="count",
    evaluations="count",
    repeats="count",
    rubric_version="text",
    prompt_hash="text",
    judges_itself="text",
)
AGREEMENT = columns(
    measure="text", raters="text", statistic="text", value="number", lo="number", hi="number", n="count"
)
ALL_JUDGES = "all judges"
_MAIN, _AGAIN = 0, 1


def judges(study: Study) -> Sheet:
    """A row for every judge and every rubric with which it gave a newest verdict."""
    sheet = Sheet("judges", JUDGES, [], key=("judge", "rubric_version", "prompt_hash"))
    names = main_names(study)
    ended = [row for row in study.rows if row.has_ended]
    for judge in judges_of(study):
        main = [opinion for row in ended if (opinion := newest_of(row, judge, names)) is not None]
        again = [opinion for row in ended if (opinion := newest_of(row, judge, names, repeat=_AGAIN)) is not None]
        evaluating = [row.evaluating for row in ended if row.evaluating is not None and row.evaluating.judge == judge]
        is_subject = "yes" if {judge, judge.partition(":")[2]} & set(study.subjects) else "no"
        for rubric, prompt in sorted({_instrument(opinion) for opinion in main}):
            counts = [sum(_instrument(one) == (rubric, prompt) for one in found) for found in (main, evaluating, again)]
            sheet.rows.append((judge, *counts, rubric, prompt, is_subject))
    return sheet


def agreement(study: Study) -> Sheet:
    """Between judges only; what people have coded is in no journal."""
    sheet = Sheet("agreement", AGREEMENT, [], key=("measure", "raters", "statistic"))
    for measure in study.measures("binary", "category", "score"):
        for raters, agreed in _agreed(study, measure):
            lo, hi = agreed.interval or (None, None)
            sheet.rows.append((measure.name, raters, agreed.statistic, agreed.value, lo, hi, agreed.n))
    return sheet


def judges_of(study: Study) -> list[str]:
    """Every judge with a main verdict, by name."""
    names = main_names(study)
    main = (opinion for row in study.rows for opinion in row.opinions if opinion.name in names)
    return sorted({opinion.judge for opinion in main if opinion.judge is not None})


def main_names(study: Study) -> set[str]:
    """What the verdicts are called that evaluate trials."""
    return {row.evaluating.name for row in study.rows if row.evaluating is not None}


def newest_of(row: Row, judge: str, names: set[str], *, repeat: int = _MAIN) -> Opinion | None:
    """A judge's main verdict of its own newest judging, or its second one of the same judging."""
    main = [opinion for opinion in row.opinions if opinion.judge == judge and opinion.name in names]
    newest = max((opinion.judging for opinion in main if opinion.repeat == _MAIN), default=None)
    found = (opinion for opinion in main if opinion.judging == newest and opinion.repeat == repeat)
    return next(found, None)


def ratings(study: Study, measure: Measure, judge: str, *, repeat: int = _MAIN) -> dict[tuple[str, str], Rating]:
    """By trial, in the order of their ids, what a judge says of answered trials."""
    names, place = main_names(study), study.place(measure)
    found: dict[tuple[str, str], Rating] = {}
    for row in sorted(study.rows, key=lambda row: row.key):
        opinion = newest_of(row, judge, names, repeat=repeat) if row.outcome == "answered" else None
        value = None if opinion is None else opinion.values[place]
        if value is not None:
            found[row.key] = value
    return found


def _agreed(study: Study, measure: Measure) -> Iterator[tuple[str, Agreed]]:
    said = {judge: ratings(study, measure, judge) for judge in judges_of(study)}
    for one, other in combinations(said, 2):
        yield from _of_two(f"{one} / {other}", said[one], said[other], study, measure)
    for judge in said:
        again = ratings(study, measure, judge, repeat=_AGAIN)
        yield from _of_two(f"{judge} / {judge} again", said[judge], again, study, measure)
    if len(said) > 2:
        yield from _of_all(list(said.values()), study, measure)


def _of_two(
    raters: str,
    first: dict[tuple[str, str], Rating],
    second: dict[tuple[str, str], Rating],
    study: Study,
    measure: Measure,
) -> Iterator[tuple[str, Agreed]]:
    both = [key for key in first if key in second]
    if both:
        left, right = [first[key] for key in both], [second[key] for key in both]
        if measure.kind == "score":
            yield (
                raters,
                icc([(float(one), float(other)) for one, other in zip(left, right, strict=True)], study.choices.alpha),
            )
        else:
            yield raters, cohens_kappa(left, right, study.choices.alpha)


def _of_all(
    said: Sequence[dict[tuple[str, str], Rating]], study: Study, measure: Measure
) -> Iterator[tuple[str, Agreed]]:
    choices, is_score = study.choices, measure.kind == "score"
    keys = sorted({key for one in said for key in one})
    units = [[one[key] for one in said if key in one] for key in keys]
    whole = [unit for unit in units if len(unit) == len(said)]
    if whole and not is_score:
        yield ALL_JUDGES, fleiss_kappa(whole, alpha=choices.alpha, resamples=choices.resamples, seed=choices.seed)
    found = krippendorffs_alpha(
        units, is_interval=is_score, alpha=choices.alpha, resamples=choices.resamples, seed=choices.seed
    )
    if found.n:
        yield ALL_JUDGES, found


def _instrument(opinion: Opinion) -> tuple[str, str]:
    return opinion.rubric_version or "", opinion.prompt_hash or ""
