"""What have human coders said? Reads a file of labels: CSV or JSON lines, one trial of one coder each.

Columns: `trial_id` or `run_id`, `coder`, and for each measure that was coded one named like the measure or like the
field it is read from (`strategy`, `protocol_adherence.primary_directive`).
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.core.errors import UserError
from trialbed.core.measure import Measure, Value

_KEYS = ("trial_id", "run_id")


@dataclass(frozen=True, slots=True)
class Label:
    """What one coder says of one trial. `trial` is its trial id or run id; `values` are by measure."""

    trial: str
    coder: str
    values: Mapping[str, Value]


def read_labels(path: Path, measures: Sequence[Measure]) -> list[Label]:
    """All labels of a file.

    Raises:
        UserError: it cannot be read, a column is missing, or a value is none of the measure's.
    """
    found = []
    for line, row in _rows(path):
        trial = next((str(row[key]) for key in _KEYS if row.get(key)), None)
        coder = row.get("coder")
        if trial is None or not coder:
            raise UserError(f"{path.name}:{line}: needs trial_id (or run_id) and coder; add the columns")
        values = {}
        for measure in measures:
            given = row.get(measure.name, row.get(measure.field))
            if given is not None and given != "":
                values[measure.name] = _value(measure, given, f"{path.name}:{line}")
        found.append(Label(trial, str(coder), values))
    if not any(label.values for label in found):
        names = ", ".join(dict.fromkeys(name for m in measures for name in (m.name, m.field)))
        raise UserError(f"{path.name}: no column is a measure; name one of: {names}")
    return found


def _value(measure: Measure, given: Any, where: str) -> Value:
    """A coder may give the measure itself (0 or 1) or the field it is read from."""
    if measure.kind == "binary":
        if str(given).strip().lower() in ("1", "1.0", "true", "yes"):
            return 1.0
        if str(given).strip().lower() in ("0", "0.0", "false", "no"):
            return 0.0
        if measure.positive:
            return float(str(given).strip() in measure.positive)
        raise UserError(f"{where}: {measure.name}: {given!r} is not yes or no; correct it")
    if measure.kind == "category":
        return str(given).strip()
    try:
        return float(given)
    except (TypeError, ValueError):
        raise UserError(f"{where}: {measure.name}: {given!r} is not a number; correct it") from None


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                yield from enumerate(csv.DictReader(file), 2)
                return
            for line, text in enumerate(file, 1):
                if text.strip():
                    row = json.loads(text)
                    if not isinstance(row, dict):
                        raise ValueError("not an object")
                    yield line, row
    except OSError as error:
        raise UserError(f"--labels: {path}: {error.strerror}; name a CSV or JSON lines file") from None
    except ValueError as error:
        raise UserError(f"--labels: {path.name}: not readable ({error}); give CSV or JSON lines in UTF-8") from None
