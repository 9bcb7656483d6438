"""`push` brings a stored run to the Hub: stopped in the middle it ends at once, owes the rest, and can be repeated."""

import json
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
from huggingface_hub import HfApi

from tests.standins.hub import USER, Faults, HubStandIn
from tests.support.bedrock import bedrock_thread, real_environment
from tests.support.experiments import QUIZ_FILES
from tests.support.project import Project, make_project, running, wait_until
from trialbed.providers.rehearsal.config import RehearsalConfig

PLANNED = 6


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with a finished run that was uploaded nowhere."""
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true", BATCH_SIZE="2")
    with bedrock_thread(RehearsalConfig(), root=project.root) as bedrock:
        assert project.run(**real_environment(bedrock.url)).code == 0
    yield project


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 143)])
def test_one_signal_ends_a_push_although_the_hub_hangs_and_the_next_push_sends_the_rest(
    project: Project, tmp_path: Path, number: int, code: int
) -> None:
    run = project.the_run().folder.name
    with HubStandIn() as hub:
        variables = hub.client_environment(tmp_path / "hf") | {"HF_REPO_ID": f"{USER}/quiz"}
        hub.faults = Faults(hang_before=1.0)
        with running(project.start_trialbed("push", run, **variables)) as sitting:
            wait_until(lambda: sitting.is_over or hub.fault_counts.get("hang_before"), "a commit that hangs")
            sitting.send(number)
            assert sitting.wait(timeout_s=10.0).code == code, sitting.stderr
        status = project.status()
        assert (status["owed"], status["is_complete"]) == ({"hub": PLANNED}, False)
        hub.faults = Faults()
        assert project.trialbed("push", run, **variables).code == 0
        status = project.status()
        assert (status["owed"], status["is_complete"]) == ({"hub": 0}, True)


def test_push_mends_what_verify_finds_changed_on_the_hub(project: Project, tmp_path: Path) -> None:
    run, repo_id = project.the_run().folder.name, f"{USER}/quiz"
    with HubStandIn() as hub:
        variables = hub.client_environment(tmp_path / "hf") | {"HF_REPO_ID": repo_id}
        assert project.trialbed("push", run, **variables).code == 0
        seal = json.loads((project.the_run().folder / "journal.seal").read_bytes())
        assert seal["bytes"] == project.the_run().journal.stat().st_size, "the push's own lines are not sealed"
        (path,) = (path for path in hub.repo(repo_id).files() if path.startswith("data/"))
        lines = hub.repo(repo_id).files()[path].splitlines(keepends=True)
        HfApi(endpoint=hub.endpoint, token=hub.token).upload_file(
            path_or_fileobj=b"".join(lines[1:]), path_in_repo=path, repo_id=repo_id, repo_type="dataset"
        )
        assert project.trialbed("verify", run, **variables).code == 1
        mended = project.trialbed("push", run, **variables)
        assert mended.code == 0 and "sent again" in mended.stderr
        assert project.trialbed("verify", run, **variables).code == 0
        assert len(hub.repo(repo_id).rows()) == PLANNED


def test_a_backup_that_was_deleted_comes_back_though_the_run_is_over(project: Project, tmp_path: Path) -> None:
    backups = project.the_run().backups()
    gone = next(iter(backups))
    (project.the_run().folder.parent / gone).unlink()
    with bedrock_thread(RehearsalConfig(), root=project.root) as bedrock:
        again = project.run(**real_environment(bedrock.url))
        assert "nothing to do" in again.stderr and bedrock.received == 0
    assert project.the_run().backups() == backups
