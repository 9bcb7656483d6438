"""Where is the file of results, and what is in it right now? Kept while the parts are run one after another."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from trialbed.app.execution.document import document_of
from trialbed.app.execution.parts import Parts
from trialbed.app.output import check_output_dir, output_refused
from trialbed.engine.folder import RunFolder, write_whole
from trialbed.sinks.journal.state import read_records, read_state
from trialbed.sinks.ledger import Ledger
from trialbed.sinks.results_file import ResultsFile

_KEPT = (
    *("trial_id", "block_id", "scenario", "prompt_variant", "repeat", "outcome", "outcome_reason", "evaluation"),
    *("stop_reason", "usage", "latency_s", "cost_usd"),
)
_STAMP = "%Y%m%dT%H%M%SZ"


class ResultsBook:
    """The results of one command. Its file is named for the moment its first run began, so a resumed command writes
    the same one."""

    def __init__(self, parts: Parts, announce: Callable[[str], None]) -> None:
        self._parts = parts
        self._announce = announce
        self._records: dict[int, Sequence[dict[str, Any]]] = {}
        self._runs: dict[int, str] = {}
        self._began_unix_s: int | None = None

    @property
    def path(self) -> Path | None:
        """None before the first run has begun."""
        if self._began_unix_s is None:
            return None
        tasks = self._parts.wanted.tasks
        name = "both" if len(tasks) > 1 else tasks[0].task
        stamp = datetime.fromtimestamp(self._began_unix_s, UTC).strftime(_STAMP)
        return self._parts.output_dir / f"execution_{name}_{stamp}.json"

    def check(self) -> None:
        """Make the file's folder, and have at hand what its figures are worked out with.

        Raises:
            UserError: the folder cannot be made or written.
        """
        # A second or so to load, which would be taken for the time that a write takes.
        import trialbed.analysis.stats.clustered  # noqa: F401

        check_output_dir(self._parts.output_dir)

    def sinks(self, place: int) -> Callable[[RunFolder, Ledger], Sequence[ResultsFile]]:
        """What writes the file while the part at `place` runs."""

        def make(folder: RunFolder, ledger: Ledger) -> Sequence[ResultsFile]:
            self._begin(place, folder)

            def write(records: Sequence[dict[str, Any]]) -> None:
                self._records[place] = records
                self._write()

            return [ResultsFile(ledger=ledger, keep=kept, write=write, announce=self._announce)]

        return make

    def ended(self, place: int, folder: RunFolder) -> None:
        """Write the file from the journal of a part that has come to its end, or that had before.

        Raises:
            UserError: the folder of the file refuses.
        """
        self._begin(place, folder)
        self._records[place] = [kept(record) for record in read_records(folder.journal, read_state(folder.journal))]
        try:
            self._write()
        except OSError as error:
            raise output_refused(self._parts.output_dir, error) from None

    def document(self) -> dict[str, Any]:
        return document_of(self._parts, self._records, self._runs, self._began_unix_s or 0)

    def _begin(self, place: int, folder: RunFolder) -> None:
        self._runs[place] = folder.name
        if self._began_unix_s is None:
            self._began_unix_s = folder.began_unix_s

    def _write(self) -> None:
        path = self.path
        assert path is not None
        write_whole(
            path, orjson.dumps(self.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), durable=False
        )


def kept(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record the file is made of. Prompts, thoughts and attempts stay in the journal: they may be long."""
    answers = [said for said in record["conversation_log"] if said["role"] == "assistant"]
    calls = [
        {"role": call.get("role"), "reasoning_chars": len(call.get("reasoning") or "")} for call in record["calls"]
    ]
    return {**{name: record[name] for name in _KEPT}, "conversation_log": answers, "calls": calls}
