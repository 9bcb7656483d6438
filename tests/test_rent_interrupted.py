"""A rent run that is killed and stopped again and again comes to the very files of one that never was."""

import signal
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.support.bedrock import JUDGE, SUBJECT, Bedrock, bedrock_process, repeated
from tests.support.bedrock import real_environment as environment
from tests.support.project import make_project, running, wait_until
from tests.support.rent_files import NEUTRAL, PATIENCE_S, RentFiles

OTHER = "meta.llama3-3-70b-instruct-v1:0"
SCORER = ("--scorer-model", f"bedrock:{JUDGE}")
FAULTS = {"throttle_rate": 0.05, "cut_before_rate": 0.03, "server_error_rate": 0.03}
MOST_IN_FLIGHT = 6
PROMPTS = 42


def files_at(folder: Path, standin: Bedrock) -> RentFiles:
    folder.mkdir()
    return RentFiles(make_project(folder, **environment(standin.url, subjects="", judges="")))


def asking(files: RentFiles) -> tuple[str, ...]:
    roster = files.roster(("bedrock", SUBJECT, 3), ("bedrock", OTHER, 3))
    return "rent", "run", NEUTRAL, "--limit", str(PROMPTS), "--models", roster, "--runs", "2"


def progress_of(files: RentFiles, kind: str) -> int:
    return files.project.journal_bytes().count(f'"e":"{kind}"'.encode())


def kill_at(files: RentFiles, command: tuple[str, ...], *, kind: str, moments: list[int]) -> None:
    """Start the command again and again; kill -9 it whenever so many events of `kind` are on disk."""
    for moment in moments:
        with running(files.project.start_trialbed(*command)) as sitting:
            wait_until(
                lambda m=moment, s=sitting: s.is_over or progress_of(files, kind) >= m,  # type: ignore[misc]
                f"{moment} events {kind}",
                PATIENCE_S,
            )
            sitting.kill()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scores", ["later", "now"])
def test_killed_and_resumed_the_files_are_the_same_bytes(tmp_path: Path, seed: int, scores: str) -> None:
    print(f"seed {seed}")
    random = Random(f"{seed}:{scores}")
    config = {"seed": 9, "latency_s": 0.02}
    with bedrock_process(config, log=tmp_path / "calm.jsonl") as calm:
        reference = files_at(tmp_path / "whole", calm)
        command = asking(reference)
        assert reference.project.trialbed(*command, "--score-now", *SCORER, timeout_s=PATIENCE_S).code == 0
        wanted = reference.derived()
    with bedrock_process({**config, **FAULTS}, log=tmp_path / "rough.jsonl") as rough:
        files = files_at(tmp_path / "cut", rough)
        trials = PROMPTS * 2 * 2
        first = asking(files) + (("--score-now", *SCORER) if scores == "now" else ())
        kill_at(files, first, kind="answer", moments=sorted(random.sample(range(5, trials), 3)))
        with running(files.project.start_trialbed(*first)) as sitting:
            before = progress_of(files, "record")
            wait_until(lambda: sitting.is_over or progress_of(files, "record") > before + 3, "more records", PATIENCE_S)
            sitting.send(signal.SIGTERM)
            ended = sitting.wait(PATIENCE_S)
        assert ended.code in (143, 0), ended.stderr
        # A run that stopped shows what it has so far.
        assert files.rows() and len(files.rows()) <= trials
        ended = files.project.trialbed(*first, timeout_s=PATIENCE_S)
        assert ended.code == 0, ended.stderr
        if scores == "later":
            score = ("rent", "score", "--input", str(files.folder / "run.jsonl"), *SCORER)
            kill_at(files, score, kind="verdict", moments=sorted(random.sample(range(5, trials), 3)))
            ended = files.project.trialbed(*score, timeout_s=PATIENCE_S)
            assert ended.code == 0, ended.stderr
        assert files.derived() == wanted
        assert len(files.project.runs()) == 1
        # What is asked again is at most what was in flight at each of the kills.
        assert len(repeated(rough.requests())) <= 7 * MOST_IN_FLIGHT * 2


def test_the_first_signal_leaves_files_of_all_that_was_answered(tmp_path: Path) -> None:
    with bedrock_process({"seed": 9, "latency_s": 0.1}, log=tmp_path / "bedrock.jsonl") as standin:
        files = files_at(tmp_path / "stopped", standin)
        with running(files.project.start_trialbed(*asking(files))) as sitting:
            wait_until(lambda: progress_of(files, "record") > 10, "some records", PATIENCE_S)
            sitting.send(signal.SIGINT)
            ended = sitting.wait(PATIENCE_S)
        assert ended.code == 130
        assert "the same command again: trialbed rent run" in ended.stdout
        records = files.project.the_run().records()
        rows = files.rows()
        assert {row["trial_id"] for row in rows} == records.keys() and len(rows) < PROMPTS * 4
        assert Counter(row["outcome"] for row in rows) == {"answered": len(rows)}
        # What is there can be scored while the rest is not asked yet.
        ended = files.rent("score", "--input", str(files.folder / "run.jsonl"), *SCORER)
        assert ended.code == 0, ended.stderr
        assert len(files.rows("run_scored.jsonl")) == len(rows)
        (first, second) = files.table()
        assert int(first["n_ok"]) + int(second["n_ok"]) == len(rows)
        # Then the rest, and only the rest is scored: by the same judging, as if there had been no stop.
        assert files.project.trialbed(*asking(files), timeout_s=PATIENCE_S).code == 0
        asked = sum(request.is_judge for request in standin.requests())
        ended = files.rent("score", "--input", str(files.folder / "run.jsonl"), *SCORER)
        assert ended.code == 0, ended.stderr
        assert sum(request.is_judge for request in standin.requests()) == 4 * PROMPTS
        assert asked == len(rows) and all(row["score"] is not None for row in files.rows("run_scored.jsonl"))
        records = files.project.the_run().records().values()
        assert {verdict["judging"] for record in records for verdict in record["verdicts"]} == {0}
        ended = files.rent("score", "--input", str(files.folder / "run.jsonl"), *SCORER)
        assert ended.code == 0 and "nothing to do" in ended.stderr
