"""Kills, torn tails, full disks and rivals, from outside: a run always comes to the end it would have had.

The long version of the first test is `python -m tests.torture.kills`.
"""

import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.support.bedrock import bedrock_process, repeated
from tests.support.experiments import QUIZ_FILES
from tests.support.journal import records_by_trial, whole_prefix
from tests.support.killing import Reference, killed_run, reference_run, resent_after_kills, violations
from tests.support.project import Project, Sitting, make_project, running, wait_until

STAND_IN = {"seed": 5, "latency_s": 0.004, "latency_spread": 0.5}
MAX_CONCURRENCY = 20
BATCH = {"EXPERIMENT": "quiz", "BATCH_MODE": "true", "MAX_CONCURRENCY": str(MAX_CONCURRENCY)}
WHOLE = {"BATCH_SIZE": "100"}
SHORT = {"BATCH_SIZE": "20", "MAX_CONCURRENCY": "4"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, experiments=QUIZ_FILES, **BATCH)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Three hundred trials that nobody disturbs."""
    folder = tmp_path_factory.mktemp("reference")
    project = make_project(folder, experiments=QUIZ_FILES, **BATCH)
    with bedrock_process(STAND_IN, log=folder / "log", root=project.root) as bedrock:
        return reference_run(project, bedrock.environment() | WHOLE)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_again_and_again_ends_as_if_it_had_never_been(
    project: Project, tmp_path: Path, reference: Reference, seed: int
) -> None:
    with bedrock_process(STAND_IN, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | WHOLE
        killed = killed_run(project, variables, seed=seed, most_kills=4, journal_bytes=reference.journal_bytes)
        found = violations(project, killed, bedrock, reference, max_concurrency=MAX_CONCURRENCY)
    assert found == [], f"seed {seed}: {len(killed.kills)} kills, {resent_after_kills(killed, bedrock.requests())}"
    assert killed.kills, "the run ended before its first kill"


def kill_in_the_middle(project: Project, variables: dict[str, str], records: int) -> bytes:
    """Start a run, kill -9 it once it has that many records, and return its journal."""
    with running(project.start(**variables)) as sitting:
        wait_for_records(project, sitting, records)
        sitting.kill()
    return project.the_run().journal.read_bytes()


def wait_for_records(project: Project, sitting: Sitting, records: int) -> None:
    wait_until(lambda: sitting.is_over or project.journal_bytes().count(b'"e":"record"') >= records, "records")
    assert not sitting.is_over, sitting.stderr


def damaged(journal: bytes, how: str) -> bytes:
    """The journal after an accident to its end."""
    random = Random(how)
    last = len(journal[: journal.rindex(b"\n")].rpartition(b"\n")[0]) + 1
    at = random.randrange(last, len(journal))
    return {
        "cut": journal[:at],
        "garbage": journal + random.randbytes(300),
        "flipped": journal[:at] + bytes([journal[at] ^ 4]) + journal[at + 1 :],
        "zeros": journal[:at] + bytes(len(journal) - at),
    }[how]


@pytest.mark.parametrize("how", ["cut", "garbage", "flipped", "zeros"])
def test_a_damaged_tail_is_put_aside_and_the_run_goes_on(project: Project, tmp_path: Path, how: str) -> None:
    with bedrock_process(STAND_IN, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        journal = whole_prefix(kill_in_the_middle(project, variables, 10))
        run = project.the_run()
        run.journal.write_bytes(damaged(journal, how))
        kept = whole_prefix(run.journal.read_bytes())
        torn = run.journal.read_bytes()[len(kept) :]
        ended = project.run(**variables)
    assert ended.code == 0, ended.stderr
    assert f"{len(torn)} bytes of a torn line were put aside" in ended.stderr
    asides = [path.read_bytes() for path in run.folder.glob("journal.torn-*")]
    assert asides[-1:] == [torn]
    assert run.journal.read_bytes().startswith(kept)
    assert len(run.records()) == len(run.backups()) == 60
    assert all(len(rows) == 1 for rows in records_by_trial(run.events()).values())
    lost_answers = 1 if b'"e":"answer"' in journal[len(kept) :] else 0
    assert len(repeated(bedrock.requests())) <= 4 + lost_answers


def test_a_full_disk_stops_new_trials_and_the_same_command_goes_on_when_there_is_room(
    project: Project, tmp_path: Path
) -> None:
    with bedrock_process({"latency_s": 0.03}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT | {"GRACE_S": "2"}
        with running(project.start(**variables)) as sitting:
            wait_for_records(project, sitting, 10)
            room = project.the_run().journal.stat().st_size + 20_000
            resource.prlimit(sitting.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            ended = sitting.wait()
        assert ended.code == 2
        assert ended.stderr.count("no new trials are started: make room") == 1
        assert "Traceback" not in ended.stderr
        run = project.the_run()
        before = run.journal.read_bytes()
        assert whole_prefix(before) == before, "a refused write left a piece of itself"
        ended = project.run(**variables)
        assert ended.code == 0, ended.stderr
        assert run.journal.read_bytes().startswith(before)
        assert len(run.records()) == len(run.backups()) == 60
        assert len(repeated(bedrock.requests())) <= 4


def test_a_disk_that_is_full_for_a_moment_costs_nothing_but_a_pause(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.03}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        with running(project.start(**variables)) as sitting:
            wait_for_records(project, sitting, 10)
            pid, size = sitting.process.pid, project.the_run().journal.stat().st_size
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            wait_until(lambda: "make room" in sitting.stderr, "the full disk to be said")
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            ended = sitting.wait()
        assert ended.code == 2
        assert project.run(**variables).code == 0
        assert repeated(bedrock.requests()) == []


def test_a_second_process_on_the_same_run_is_refused_in_one_line(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        with running(project.start(**variables)) as sitting:
            wait_for_records(project, sitting, 1)
            second = project.run(**variables)
            assert second.code == 2
            (line,) = [line for line in second.stderr.splitlines() if "[SYSTEM]" not in line]
            assert "another process is writing this run" in line
            assert sitting.wait().code == 0
    assert len(project.the_run().records()) == 60


def test_the_same_command_twice_at_once_makes_one_run_and_asks_nothing_twice(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        with running(project.start(**variables)) as one, running(project.start(**variables)) as other:
            codes = sorted([one.wait().code, other.wait().code])
        assert codes in ([0, 2], [0, 0]), one.stderr + other.stderr
        assert repeated(bedrock.requests()) == []
    assert len(project.the_run().records()) == 60


def test_status_adds_up_while_a_run_is_going_and_after_a_kill(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.05}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        with running(project.start(**variables)) as sitting:
            wait_for_records(project, sitting, 3)
            going = project.status()
            sitting.kill()
        killed = project.status()
        assert project.run(**variables).code == 0
    ended = project.status()
    for status in (going, killed, ended):
        assert sum(status["outcomes"].values()) == status["planned"] == 60
    assert going["is_running"] and not killed["is_running"] and not ended["is_running"]
    assert 3 <= going["outcomes"]["answered"] <= killed["outcomes"]["answered"] < ended["outcomes"]["answered"] == 60
    assert [status["is_complete"] for status in (going, killed, ended)] == [False, False, True]


def test_missing_backup_files_are_written_again_from_the_journal(project: Project, tmp_path: Path) -> None:
    with bedrock_process(STAND_IN, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        kill_in_the_middle(project, variables, 20)
        for name in list(project.the_run().backups())[::2]:
            (project.the_run().folder.parent / name).unlink()
        assert project.run(**variables).code == 0
    run = project.the_run()
    assert run.backups() == {f"{record['run_id']}.json": record for record in run.records().values()}


def test_a_backup_folder_that_refuses_costs_no_record(project: Project, tmp_path: Path) -> None:
    with bedrock_process({"latency_s": 0.02}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        with running(project.start(**variables)) as sitting:
            wait_for_records(project, sitting, 5)
            run = project.the_run()
            taken = {record["run_id"] for record in run.records().values()}
            for variant in ("baseline", "polite", "curt"):
                for index in range(20):
                    run_id = f"run_{variant}_{run.began_unix_s}_{index}"
                    if run_id not in taken:
                        # One that is being written right now is in nobody's way.
                        with suppress(FileExistsError):
                            (run.folder.parent / f".{run_id}.json.new").mkdir()
            ended = sitting.wait()
        assert "no more backup files" in ended.stderr
        assert len(run.records()) == 60
        for obstacle in run.folder.parent.glob(".run_*.new"):
            obstacle.rmdir()
        assert project.run(**variables).code == 0
    assert len(run.backups()) == 60
    assert repeated(bedrock.requests()) == []


def test_a_run_whose_reader_has_gone_away_still_ends_on_a_signal_and_can_be_resumed(
    project: Project, tmp_path: Path
) -> None:
    """`… 2>&1 | head -5`, then Ctrl+C."""
    with bedrock_process({"latency_s": 0.1}, log=tmp_path / "log", root=project.root) as bedrock:
        variables = bedrock.environment() | SHORT
        process = subprocess.Popen(
            [sys.executable, "run_and_evaluate.py"],
            cwd=project.root,
            env=project.environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        with process:
            assert any(b"Run:" in line for line in process.stdout)
            process.stdout.close()
            wait_until(lambda: process.poll() is not None or len(bedrock.requests()) >= 8, "some calls")
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            finally:
                process.kill()
        assert project.run(**variables).code == 0
    assert len(project.the_run().records()) == 60
    assert len(repeated(bedrock.requests())) <= 4


def test_the_quiz_of_these_tests_is_a_plan_of_300_trials(reference: Reference) -> None:
    assert len(reference.records) == 300
    assert "Outcomes: answered 300" in reference.summary
