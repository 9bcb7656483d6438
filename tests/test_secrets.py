"""Does no key, token or account number get out of the process, even when the far side repeats them to us?"""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.standins.hub import WRITE_TOKEN, Faults, HubStandIn
from tests.support.bedrock import bedrock_thread, real_environment
from tests.support.project import Ended, Project, make_project
from trialbed.providers.rehearsal.call import RehearsalCall
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.faults import THROTTLED, ErrorAnswer, Fault, invalid
from trialbed.providers.rehearsal.server import RehearsalServer

ACCOUNT = "482915730164"
KEYS = {
    "AWS_ACCESS_KEY_ID": "ASIAPLANTEDPLANTED77",
    "AWS_SECRET_ACCESS_KEY": "pl4nted/Secret+AccessKey0000/opensNothing",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEPlanted//SessionToken+thatIsOfNoUse==",
}
PLANTED = {*KEYS.values(), WRITE_TOKEN, ACCOUNT}
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0"
OPAQUE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"
LEAK = " ".join(
    [
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/lab/ada in account {ACCOUNT} ({ACCOUNT})",
        *(f"said {value} and" for value in (*KEYS.values(), WRITE_TOKEN)),
        f"GET https://bedrock/?X-Amz-Security-Token={quote(KEYS['AWS_SESSION_TOKEN'], safe='')}&model={quote(PROFILE)}",
    ]
)


def leaks_in(text: str) -> set[str]:
    """Secrets that stand in a text: whole, as in a URL, or by their first half."""
    forms = {
        form: secret for secret in PLANTED for form in (secret, quote(secret, safe=""), secret[: len(secret) // 2])
    }
    forms.pop(WRITE_TOKEN[: len(WRITE_TOKEN) // 2], None)
    return {secret for form, secret in forms.items() if form in text}


def files_of(project: Project) -> list[Path]:
    """Everything the program wrote; its own `.env` is the user's."""
    return [path for path in project.root.parent.rglob("*") if path.is_file() and path.name != ".env"]


def leaks_on_disk(project: Project) -> dict[str, set[str]]:
    found = {str(path): leaks_in(path.read_text("utf-8", "replace")) for path in files_of(project)}
    return {path: leaks for path, leaks in found.items() if leaks}


def tells_everything(call: RehearsalCall) -> Fault | None:
    """Faults whose messages repeat all secrets: transient ones, refused requests, a model that is taken away."""
    if call.trial is None:
        return None
    chance = int(call.trial, 16) % 4
    if call.model_id == OPAQUE and len(call.messages) > 5:
        return ErrorAnswer("AccessDeniedException", 403, LEAK)
    if chance == 0 and call.seen == 0:
        return ErrorAnswer(THROTTLED.code, 429, LEAK)
    if chance == 1 and len(call.messages) > 7:
        return invalid(LEAK)
    return invalid(LEAK) if chance == 2 and call.is_judge else None


@dataclass(frozen=True)
class Night:
    project: Project
    ended: Ended
    hub: HubStandIn


@pytest.fixture(scope="module")
def standin() -> Iterator[RehearsalServer]:
    with bedrock_thread(RehearsalConfig()) as server:
        yield server


def planted(root: Path, standin: RehearsalServer, **variables: str) -> Project:
    """A project whose `.env` holds the secrets."""
    environment = real_environment(standin.url) | {
        "SUBJECT_MODELS": f"{PROFILE},{OPAQUE}",
        "JUDGE_MODELS": PROFILE,
        "AWS_ENDPOINT_URL_BEDROCK": standin.url,
        "LOG_LEVEL": "DEBUG",
        **KEYS,
        **variables,
    }
    project = make_project(root)
    (project.root / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
    return project


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, standin: RehearsalServer) -> Iterator[Night]:
    """A batch at LOG_LEVEL=DEBUG in which everything fails in the most talkative way."""
    root = tmp_path_factory.mktemp("secrets")
    standin.config = RehearsalConfig(scripted=tells_everything)
    with HubStandIn(Faults(error_before=0.2, error_after=0.1), seed=5) as hub:
        variables = hub.client_environment(root / "hf")
        project = planted(root, standin, HF_TOKEN=variables.pop("HF_TOKEN"), HF_REPO_ID="user/secrets")
        ended = project.run("--runs", "2", **variables)
        yield Night(project, ended, hub)


def test_no_secret_is_in_any_file_or_on_the_screen(night: Night) -> None:
    assert night.ended.code == 1, night.ended.stderr
    assert leaks_in(night.ended.stdout + night.ended.stderr) == set()
    assert leaks_on_disk(night.project) == {}


def test_the_messages_were_there_and_are_kept_without_the_secrets(night: Night) -> None:
    journal = night.project.the_run().journal.read_text()
    assert "attempt_failed" in journal and "assumed-role/lab/ada" in journal
    outcomes = {row["outcome"] for row in night.project.the_run().records().values()}
    assert outcomes >= {"provider_error", "judge_error"}
    assert "is stopped: " in night.ended.stderr and "application-inference-profile/a1b2c3d4e5f6" in night.ended.stderr


def test_nothing_that_was_published_holds_a_secret(night: Night) -> None:
    commits = night.hub.repo("user/secrets").commits
    assert len(commits) >= 2
    for commit in commits:
        assert leaks_in(commit.title + commit.message) == set()
        assert leaks_in("".join(file.content.decode() for file in commit.tree.values())) == set()


def test_account_numbers_are_masked_in_the_names_of_models(night: Night) -> None:
    rows = night.project.the_run().records().values()
    assert {row["steward_model"] for row in rows} == {name.replace(ACCOUNT, "*" * 12) for name in (PROFILE, OPAQUE)}
    assert "*" * 12 in json.dumps(night.project.the_run().plan())


def test_every_file_of_a_run_is_for_its_owner_only(night: Night) -> None:
    files = [path for path in (night.project.root / "local_backups").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert {stat.filemode(path.stat().st_mode) for path in files} == {"-rw-------"}
    assert stat.filemode(night.project.the_run().folder.stat().st_mode) == "drwx------"


@pytest.mark.parametrize("command", [["status"], ["list"], ["plan"], ["run", "--dry-run"], ["doctor"]], ids=" ".join)
def test_no_command_shows_a_secret(night: Night, standin: RehearsalServer, command: list[str]) -> None:
    standin.config = RehearsalConfig(scripted=lambda call: ErrorAnswer("AccessDeniedException", 403, LEAK))
    ended = night.project.trialbed(*command, **night.hub.client_environment(night.project.root.parent / "hf"))
    assert ended.code in (0, 2) and ended.stdout
    assert leaks_in(ended.stdout + ended.stderr) == set()


def test_a_refusal_at_the_start_is_told_without_the_secrets(tmp_path: Path, standin: RehearsalServer) -> None:
    standin.config = RehearsalConfig(scripted=lambda call: ErrorAnswer("AccessDeniedException", 403, LEAK))
    ended = planted(tmp_path, standin).run()
    assert ended.code == 2 and "AccessDeniedException" in ended.stderr
    assert leaks_in(ended.stderr) == set() and ended.stdout == ""


def test_a_secret_is_not_halved_by_the_end_of_a_message(tmp_path: Path, standin: RehearsalServer) -> None:
    ends = [500 - len(secret) * 2 // 3 for secret in KEYS.values()]
    long = ["x" * (end - 1) + " " + secret for end, secret in zip(ends, KEYS.values(), strict=True)]

    def script(call: RehearsalCall) -> Fault | None:
        return invalid(long[int(call.trial, 16) % len(long)]) if call.trial and len(call.messages) > 1 else None

    standin.config = RehearsalConfig(scripted=script)
    project = planted(tmp_path, standin, SUBJECT_MODELS=PROFILE)
    ended = project.run("--runs", "2")
    assert ended.code == 1 and project.status()["failed_attempts"] == {"InvalidRequest": 10}
    assert leaks_on_disk(project) == {} and leaks_in(ended.stderr) == set()


CRASH = '''"""An experiment that fails in ways nobody expects, secret in hand."""
import os
from trialbed import Experiment, Scenario

SECRET = "AWS_SECRET_ACCESS_KEY"


class Crash(Experiment):
    name, version = "crash", "1"

    def scenarios(self):
        yield Scenario(id="only")

    def personas(self):
        if os.environ.get("WHERE") == "personas":
            raise RuntimeError(f"cannot sign with {os.environ[SECRET]}")
        return ()

    async def converse(self, trial, chat):
        raise RuntimeError(f"cannot sign with {os.environ[SECRET]}")


experiment = Crash()
'''


def test_the_traceback_of_an_unexpected_crash_is_shown_without_the_secret(tmp_path: Path) -> None:
    files = {"experiments/crash.py": CRASH}
    project = make_project(tmp_path, experiments=files, EXPERIMENT="crash", SUBJECT_MODELS="rehearsal:subject", **KEYS)
    ended = project.run(WHERE="personas")
    assert ended.code == 1 and "Traceback" in ended.stderr
    assert "RuntimeError: cannot sign with [redacted]" in ended.stderr
    assert leaks_in(ended.stderr) == set()


def test_an_authors_exception_is_recorded_without_the_secret(tmp_path: Path) -> None:
    files = {"experiments/crash.py": CRASH}
    project = make_project(tmp_path, experiments=files, EXPERIMENT="crash", SUBJECT_MODELS="rehearsal:subject", **KEYS)
    ended = project.run()
    (row,) = project.the_run().records().values()
    assert ended.code == 1 and row["outcome"] == "parse_failed"
    assert row["outcome_reason"] == "crash.py:20: RuntimeError: cannot sign with [redacted]"
    assert leaks_on_disk(project) == {} and leaks_in(ended.stdout + ended.stderr) == set()
