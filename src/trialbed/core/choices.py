"""What was decided about the analysis before the data were there? Kept in plan.json and in a locked plan."""

from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from trialbed.core.experiment import Experiment
from trialbed.core.factor import Factor
from trialbed.core.measure import Measure

DEFAULT_RESAMPLES = 2_000


class Choices(BaseModel):
    """Every choice that decides a number of a report.

    The contrasts are those of every variant against `baseline`, within blocks, of every binary and score measure;
    those of `primary` are the confirmatory ones of a locked plan. `category` is the measure whose shares make the rate
    table. `alpha` is the family's error rate; intervals have confidence 1 - alpha. `factors` are what scenarios
    differ in (see `core.factor`).

    Args:
        least_words: a trial with a shorter reply is left out of the sensitivity analysis; 0 = there is none.
        equivalence_margin: of the difference of means or rates; None = no test for equivalence.
        seed: of every bootstrap, each with `resamples` draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measures: tuple[Measure, ...] = ()
    primary: str | None = None
    category: str | None = None
    baseline: str
    alpha: float = Field(0.05, gt=0, lt=0.5)
    correction: Literal["holm", "bh"] = "holm"
    least_words: int = Field(0, ge=0)
    equivalence_margin: float | None = Field(None, gt=0)
    resamples: int = Field(DEFAULT_RESAMPLES, ge=100, le=100_000)
    seed: int = 0
    factors: tuple[Factor, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Choices that were written down before there were factors keep their hash."""
        fields: dict[str, Any] = plain(self)
        return {name: value for name, value in fields.items() if value or name != "factors"}

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [measure.name for measure in self.measures]
        if len(set(names)) < len(names):
            raise ValueError("two measures have the same name")
        if len({factor.name for factor in self.factors}) < len(self.factors):
            raise ValueError("two factors have the same name")
        for chosen in (self.primary, self.category):
            if chosen is not None and chosen not in names:
                raise ValueError(f"there is no measure {chosen!r}")
        return self

    def measure(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)


def choices_of(experiment: Experiment, *, baseline: str, seed: int) -> Choices:
    """What the experiment's author has chosen; the summary's headline stands in where no measure is named."""
    measures = experiment.measures
    if not measures and experiment.headline is not None:
        measures = (Measure(name="headline", kind="category", field=experiment.headline, title=experiment.headline),)
    category = next((measure.name for measure in measures if measure.kind == "category"), None)
    return Choices(
        measures=measures,
        primary=measures[0].name if measures else None,
        category=category,
        baseline=baseline,
        least_words=experiment.least_words,
        equivalence_margin=experiment.equivalence_margin,
        seed=seed,
        factors=experiment.factors,
    )
