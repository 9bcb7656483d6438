"""`throughput`: a line for every measurement, as it begins and as it ends; a table of the newest ones on stdout."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbed.app import logs
from trialbed.app.screen import Screen
from trialbed.app.throughput.job import measure
from trialbed.app.throughput.prepare import Measuring, prepare_measuring
from trialbed.app.throughput.sitting import Measured
from trialbed.app.throughput.wanted import ThroughputWanted
from trialbed.cli.run import has_uvloop
from trialbed.core.outcome import Outcome
from trialbed.core.redact import Redactor
from trialbed.core.text import for_terminal
from trialbed.core.trial import Trial
from trialbed.engine.cycles import Cycle, Record, Watcher
from trialbed.settings import known_secrets

ALL_WELL, SOME_FAILED, USER_CAN_FIX = 0, 1, 2
_log = logging.getLogger(f"{logs.LOGGER}.throughput")
_COLUMNS = ("time_to_first_token", "tokens_per_second", "decode_tokens_per_second", "output_tokens")


def throughput_command(root: Path, wanted: ThroughputWanted) -> int:
    """Measure; returns the exit code.

    Raises:
        UserError: something the user can fix.
    """
    import anyio

    measuring = prepare_measuring(root, wanted)
    # Only now: `.env` has just been read, too.
    logs.log_to_stderr(Redactor(known_secrets(os.environ)))
    watcher = _watcher(measuring)
    done = anyio.run(measure, measuring, Screen(), watcher, backend_options={"use_uvloop": has_uvloop()})
    for line in _lines(done):
        print(for_terminal(line))
    sys.stdout.flush()
    return _exit_code(done)


def _exit_code(done: Sequence[Measured]) -> int:
    last = done[-1]
    if last.exit_code is not None:
        return last.exit_code
    if last.is_short:
        return USER_CAN_FIX
    return ALL_WELL if all(one.is_all_well for one in done) else SOME_FAILED


def _watcher(measuring: Measuring) -> Watcher:
    """Puts what happens into the log, which is shown on stderr as well."""
    is_one = len(measuring.wanted.variants or ("one",)) == 1

    def name(trial: Trial) -> str:
        return str(trial.subject) if is_one else f"{trial.subject} ({trial.variant.id})"

    def began(trial: Trial) -> None:
        _log.info("Running benchmark: %s", name(trial))

    def ended(trial: Trial, record: Record) -> None:
        for attempt in _failed_attempts(record):
            _log.debug("%s: attempt %s: %s", name(trial), attempt["n"], _said(attempt))
        if record["outcome"] == Outcome.ANSWERED:
            found = record["evaluation"]
            rate, tokens = found["tokens_per_second"], found["output_tokens"]
            _log.info("\u2705 Success %s (tps=%.2f, out=%d)", name(trial), rate, tokens)
            _log.debug("%s: %s", name(trial), _in_short(found))
        else:
            _log.error("Benchmark failed for %s - %s", name(trial), record["outcome_reason"] or record["outcome"])

    def cycle(one: Cycle) -> None:
        if measuring.wanted.daemon:
            _log.log(*_coverage(one))

    def missed(count: int) -> None:
        _log.warning("%d cycles were missed: nobody was there when they were due", count)

    return Watcher(began, ended, cycle, missed)


def _coverage(cycle: Cycle) -> tuple[int, str]:
    """How much of what is expected was measured, and what was not."""
    missing = [
        f"{record['provider']}:{record['steward_model']} ({record['prompt_variant']}: {record['outcome']})"
        for record in cycle.records
        if record["outcome"] != Outcome.ANSWERED
    ]
    missing += [f"{trial.subject} ({trial.variant.id}: stopped)" for trial in cycle.cut]
    line = f"Coverage of cycle {cycle.number}: {cycle.answered} of {cycle.expected} expected measurements"
    if missing:
        return logging.WARNING, f"{line}; missing: {', '.join(missing)}"
    return logging.INFO, line


def _failed_attempts(record: Record) -> list[Mapping[str, Any]]:
    calls = [call for call in record["calls"] if call["role"] == "subject"]
    return [attempt for call in calls for attempt in call["attempts"] if attempt["error"] is not None]


def _said(attempt: Mapping[str, Any]) -> str:
    return f"{attempt['error']} after {attempt['latency_s']:.3f} s: {attempt['code']}: {attempt['detail']}"


def _in_short(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={found[name]}" for name in (*_COLUMNS, "generate_time", "pieces", "connect_s"))


def _lines(done: Sequence[Measured]) -> list[str]:
    """The newest cycle as a table, what is owed, and where it all lies."""
    last = done[-1]
    records = last.cycles[-1].records if last.cycles else ()
    width = max((len(_label(record)) for record in records), default=0)
    lines = [f"{_label(record).ljust(width)}  {_told(record)}" for record in records]
    for sink, count in last.owed.items():
        if count:
            lines.append(
                f"Not delivered yet to {sink}: {count}, kept in the journal. Run again or: trialbed push "
                f"{last.folder.name}"
            )
    return [*lines, f"Journal: {last.folder.journal}"]


def _label(record: Record) -> str:
    return f"{record['provider']}:{record['steward_model']}  {record['prompt_variant']}"


def _told(record: Record) -> str:
    found = record["evaluation"]
    if found is None:
        return str(record["outcome"])
    decode = found["decode_tokens_per_second"]
    return (
        f"first token {found['time_to_first_token']:.3f} s, {found['tokens_per_second']:.2f} tokens/s in all, "
        f"{'-' if decode is None else format(decode, '.2f')} after it, {found['output_tokens']} tokens"
    )
