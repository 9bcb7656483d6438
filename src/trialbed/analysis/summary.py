"""What does a run's end look like in figures? Pure: records in, counts out.

Only answered trials enter the distribution; all are counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trialbed.core.outcome import Outcome


@dataclass(frozen=True)
class Summary:
    """`planned` trials; `outcomes` add up to it. `headline` names the field that `values` counts:
    value → variant → answered trials. `retried` counts trials with more than one attempt at some call, `retries`
    (variant, subject) → (answered calls that took more than one attempt, answered calls)."""

    planned: int
    outcomes: Mapping[str, int]
    headline: str | None
    values: Mapping[str, Mapping[str, int]]
    unjudged: int
    retried: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    @property
    def successful(self) -> int:
        return self.outcomes.get(Outcome.ANSWERED, 0)

    @property
    def not_ended(self) -> int:
        return sum(self.outcomes.get(name, 0) for name in _NOT_ENDED)

    @property
    def failed(self) -> int:
        """Trials that ended without an answer; those whose judging failed are counted as unjudged."""
        judged_out = self.outcomes.get(Outcome.JUDGE_ERROR, 0)
        return self.planned - self.successful - self.not_ended - judged_out


_NOT_ENDED = (Outcome.PENDING, Outcome.CANCELLED, Outcome.BUDGET_STOPPED)
_MOST_REASONS = 5
_MOST_CELLS = 20


def summarise(
    records: Iterable[Mapping[str, Any]], *, planned: int, outcomes: Mapping[str, int], headline: str | None
) -> Summary:
    """Counts over the newest record of each trial."""
    values: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    unjudged = retried = 0
    repeated: Counter[tuple[str, str]] = Counter()
    calls: Counter[tuple[str, str]] = Counter()
    for record in records:
        cell = (record["prompt_variant"], record["steward_model"])
        again = sum(len(call["attempts"]) > 1 for call in record["calls"])
        retried += again > 0
        repeated[cell] += again
        calls[cell] += len(record["calls"])
        if record["outcome"] == Outcome.ANSWERED:
            value = _headline_value(record["evaluation"], headline)
            if value is None:
                unjudged += 1
            else:
                values.setdefault(value, Counter())[record["prompt_variant"]] += 1
        else:
            unjudged += record["outcome"] == Outcome.JUDGE_ERROR
            reasons[f"{record['outcome']}: {record['outcome_reason']}"[:200]] += 1
    ordered = dict(sorted(values.items(), key=lambda item: (-item[1].total(), item[0])))
    # Ties by name: a resumed run ends its trials in another order and must say the same.
    frequent = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:_MOST_REASONS]
    return Summary(
        planned=planned,
        outcomes=dict(outcomes),
        headline=headline,
        values=ordered,
        unjudged=unjudged,
        retried=retried,
        reasons=dict(frequent),
        retries={cell: (repeated[cell], calls[cell]) for cell in sorted(calls)},
    )


def _headline_value(evaluation: Mapping[str, Any] | None, headline: str | None) -> str | None:
    """What the distribution counts; without a named field the first one that is a word or yes/no."""
    if not evaluation:
        return None
    if headline is not None:
        value = evaluation.get(headline)
        return None if value is None else str(value)
    for name, value in evaluation.items():
        if isinstance(value, bool):
            return name if value else f"not {name}"
        if isinstance(value, str):
            return value
    return "judged"


def _retry_lines(retries: Mapping[tuple[str, str], tuple[int, int]]) -> list[str]:
    """The rate of each cell: what is asked again until it answers is selected, so cells must not differ much."""
    rates = sorted(
        ((again / calls, cell, again, calls) for cell, (again, calls) in retries.items() if calls), reverse=True
    )
    shown = [
        f"Repeated calls in {variant} x {subject}: {again} of {calls} ({rate:.1%})"
        for rate, (variant, subject), again, calls in rates[:_MOST_CELLS]
    ]
    rest = len(rates) - len(shown)
    return [*shown, *([f"Repeated calls in {rest} further cells: {rates[_MOST_CELLS][0]:.1%} at most"] if rest else [])]


def as_lines(summary: Summary, *, title: str) -> list[str]:
    """The final summary, line by line."""
    rule = "=" * 60
    lines = [
        rule,
        title,
        rule,
        f"Total runs: {summary.planned}",
        f"Successful: {summary.successful}",
        f"Failed: {summary.failed}",
    ]
    lines.append(f"Unjudged: {summary.unjudged}")
    if summary.not_ended:
        lines.append(f"Not run yet: {summary.not_ended}")
    shown = [f"{name} {count}" for name, count in summary.outcomes.items() if count]
    lines += [f"Outcomes: {', '.join(shown) or 'none'}"]
    lines += [f"  {count} x {reason}" for reason, count in summary.reasons.items()]
    if summary.retried:
        lines.append(f"Runs with a repeated call: {summary.retried}")
        lines += _retry_lines(summary.retries)
    lines += ["", f"{(summary.headline or 'Verdict').capitalize()} distribution:"]
    for value, variants in summary.values.items():
        split = ", ".join(f"{variant} {count}" for variant, count in sorted(variants.items()))
        lines.append(f"  {value}: {sum(variants.values())}   ({split})")
    if not summary.values:
        lines.append("  (no judged runs)")
    return [*lines, rule]
