"""Which files does a run of `trialbed rent` have, and what is in them right now? Made of records, never read back.

<outputs>/runs/<run>/run.jsonl          every answer, or why there is none
                     run_grid.json      the prompts, as they are asked
                     run_scored.jsonl   the same answers with their scores        once anything was to be scored
                     summary.csv        the figures of each model                            "
                     sycophancy.csv     sycophancy by phrasing, relationship, amount, reason "
                     run.log            what was said, and why calls were repeated

But for the log they hold no time and no name of a run: they are the same bytes however often a run was interrupted.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.analysis.report.csv_text import field_of
from trialbed.app.output import output_refused
from trialbed.app.rent.grid import json_lines
from trialbed.app.rent.log import log_of
from trialbed.core.experiment import Experiment
from trialbed.core.plan import Plan
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.sinks.journal.state import JournalState, read_records, read_state

RUN, GRID, SCORED, SUMMARY, SYCOPHANCY, LOG = (
    *("run.jsonl", "run_grid.json", "run_scored.jsonl"),
    *("summary.csv", "sycophancy.csv", "run.log"),
)
_KEPT = (
    *("trial_id", "scenario", "prompt_variant", "repeat", "provider", "steward_model", "outcome", "outcome_reason"),
    *("evaluation", "stop_reason", "usage", "conversation_log"),
)


@dataclass(frozen=True)
class RunFiles:
    """The files of one run. `plan` says in which order its prompts and models stand."""

    folder: Path
    experiment: Experiment
    plan: Plan

    def write_answers(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write what there is without any score.

        Raises:
            OSError: the folder refuses.
        """
        found = self._results(records)
        self._write(GRID, _json(found["grid"]))
        self._write(RUN, json_lines(found["run"]))

    def write_all(self, run: RunFolder) -> Mapping[str, Any]:
        """Write every file from the journal of the run; returns what the records come to.

        Raises:
            UserError: the folder refuses.
        """
        state = read_state(run.journal)
        found = self._results([kept(record) for record in read_records(run.journal, state)])
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(GRID, _json(found["grid"]))
            self._write(RUN, json_lines(found["run"]))
            if self._is_to_be_scored(state):
                self._write(SCORED, json_lines(found["scored"]))
                self._write(SUMMARY, csv_of(found["summary"]))
                self._write(SYCOPHANCY, csv_of(found["sycophancy"]))
        except OSError as error:
            raise output_refused(self.folder, error) from None
        return found

    def write_log(self, run: RunFolder, printed: Sequence[str]) -> None:
        """Write the log, which ends with the lines that the command printed.

        Raises:
            UserError: the folder refuses.
        """
        try:
            self._write(LOG, log_of(run, printed))
        except OSError as error:
            raise output_refused(self.folder, error) from None

    def _is_to_be_scored(self, state: JournalState) -> bool:
        return bool(self.plan.judges) or bool(state.judgings)

    def _results(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        order = {(model.provider, model.public_id): place for place, model in enumerate(self.plan.subjects)}
        last = len(order)
        by_model = sorted(records, key=lambda one: order.get((one["provider"], one["steward_model"]), last))
        return self.experiment.results(self.plan.scenarios, self.plan.variants, by_model)

    def _write(self, name: str, data: bytes) -> None:
        write_whole(self.folder / name, data, durable=False)


def runs_in(outputs: Path) -> Path:
    """Where the folders of all runs are."""
    return outputs / "runs"


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record the files are made of. Calls and attempts stay in the journal: they may be long."""
    said = [
        {name: verdict[name] for name in ("judge", "judging", "repeat", "values")} for verdict in record["verdicts"]
    ]
    return {**{name: record[name] for name in _KEPT}, "verdicts": said}


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A table as CSV: null is empty, and no text is taken for a formula."""
    out = io.StringIO(newline="")
    if rows:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return field_of(value, "text") if isinstance(value, str) else repr(value)


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)}\n".encode()
