"""What was asked of models, and what did it take? The tables `calls`, `parameters` and `deviations`."""

import math
from collections import Counter

from trialbed.analysis.recheck.rows import Call, as_text
from trialbed.analysis.recheck.sheet import Sheet
from trialbed.analysis.recheck.study import Study
from trialbed.analysis.table import columns

CALLS = columns(
    variant="text",
    subject="text",
    role="text",
    model="text",
    calls="count",
    repeated="count",
    input_tokens="count",
    output_tokens="count",
    usd="number",
)
PARAMETERS = columns(subject="text", parameter="text", requested="text", sent="text", records="count")
DEVIATIONS = columns(run="text", what="text", locked="text", actual="text", why="text", at="text")


def calls(study: Study) -> Sheet:
    """Of every subject by itself."""
    made: dict[tuple[str, str, str, str], list[Call]] = {}
    for row in study.rows:
        for call in row.calls:
            key = (row.planned.variant, row.planned.subject, call.role, call.model)
            made.setdefault(key, []).append(call)
    sheet = Sheet("calls", CALLS, [], key=("variant", "subject", "role", "model"))
    for key, of_key in made.items():
        costs = [call.cost_usd for call in of_key if call.cost_usd is not None]
        sheet.rows.append(
            (
                *key,
                len(of_key),
                sum(call.is_repeated for call in of_key),
                sum(call.input_tokens for call in of_key),
                sum(call.output_tokens for call in of_key),
                math.fsum(costs) if len(costs) == len(of_key) else None,
            )
        )
    return sheet


def parameters(study: Study) -> Sheet:
    counts = Counter((row.planned.subject, *asked) for row in study.rows for asked in row.asked)
    return Sheet(
        "parameters",
        PARAMETERS,
        [(*key, count) for key, count in counts.items()],
        key=("subject", "parameter", "requested", "sent"),
    )


def deviations(study: Study) -> Sheet:
    """Every one that a run's journal or any of its records names, once."""
    fields = ("what", "locked", "actual", "why", "at")
    found: dict[tuple[str, ...], None] = {}
    for run in study.runs:
        told = [*run.of_kind("deviation"), *(deviation for row in run.rows for deviation in row.deviations)]
        found |= dict.fromkeys((run.name, *(as_text(deviation.get(name)) for name in fields)) for deviation in told)
    return Sheet("deviations", DEVIATIONS, list(found), key=("run", "what", "locked", "actual", "why", "at"))
