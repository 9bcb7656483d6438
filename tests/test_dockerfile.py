"""Do the images that the Dockerfile describes work? No engine runs here: it is linted, and its steps are done."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from tests.support.project import CHECKOUT, clean_environment

DOCKERFILE = CHECKOUT / "Dockerfile"
HOME = "/app"
CHANGES_THE_MACHINE = ("useradd ", "chown ")
"""Steps of users and owners: what they are for is asserted, and they are not done to the machine that tests."""


@dataclass(frozen=True)
class Step:
    instruction: str
    value: str


def steps() -> list[Step]:
    parser = DockerfileParser(fileobj=DOCKERFILE.open("rb"), cache_content=True)
    return [Step(one["instruction"], one["value"]) for one in parser.structure]


def stages() -> dict[str, list[Step]]:
    """The steps of each stage by its name, in the order of the file; the first of each is its FROM."""
    found: dict[str, list[Step]] = {}
    own: list[Step] = []
    for step in steps():
        if step.instruction == "FROM":
            own = found[step.value.split()[-1]] = []
        if step.instruction != "COMMENT":
            own.append(step)
    return found


def image_of(name: str) -> list[Step]:
    """The steps that make the image of that name, those of the stage it is made from first."""
    found = stages()
    return [*found["base"], *found[name]]


def only(instruction: str, image: str = "socratic") -> str:
    (value,) = (step.value for step in image_of(image) if step.instruction == instruction)
    return value


def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    assert linter is not None, "hadolint is one of the test requirements"
    done = subprocess.run([linter, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_the_image_the_documentation_promises() -> None:
    assert [stage[0].value for stage in stages().values()] == [
        "python:3.12-slim AS base",
        "base AS throughput",
        "base AS socratic",
    ]
    # Without a target, the last one is built.
    assert json.loads(only("ENTRYPOINT")) == ["trialbed", "socratic"]
    assert json.loads(only("ENTRYPOINT", "throughput")) == ["trialbed", "throughput"]
    assert json.loads(only("CMD", "throughput")) == ["--provider", "bedrock", "--daemon", "--interval", "30"]


@pytest.mark.parametrize("image", ["socratic", "throughput"])
def test_nothing_runs_as_root(image: str) -> None:
    users = [step.value for step in image_of(image) if step.instruction == "USER"]
    assert users[-1].isdigit() and int(users[-1]) > 0


def test_what_is_installed_is_pinned_by_hash() -> None:
    installs = [step.value for step in steps() if step.instruction == "RUN" and "pip install" in step.value]
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--require-hashes -r requirements-providers.lock" in installs[-1]
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)


def test_no_secret_history_or_data_gets_into_the_image() -> None:
    copied = {part.rstrip("/") for step in steps() if step.instruction == "COPY" for part in step.value.split()[:-1]}
    allowed = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    assert copied == {line.removeprefix("!") for line in allowed if line.startswith("!")}
    assert not any(name.startswith(".") for name in copied)
    assert not any(
        "KEY" in step.value or "TOKEN" in step.value for step in steps() if step.instruction in ("ENV", "ARG")
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The steps of the file done in a clean folder, with a Python of its own in the place of the image's."""
    root = tmp_path_factory.mktemp("image")
    app, environment = root / "app", root / "python"
    app.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    home = root / "home"
    home.mkdir()
    variables = clean_environment(home)
    variables["PATH"] = f"{environment}/bin:{variables['PATH']}"
    for step in image_of("socratic"):
        if step.instruction == "COPY":
            *sources, target = step.value.split()
            for source in sources:
                copy(CHECKOUT / source, app / Path(target).relative_to(HOME), is_folder=source.endswith("/"))
        elif step.instruction == "RUN":
            parts = [part.strip() for part in step.value.split("&&")]
            for part in (one for one in parts if not one.startswith(CHANGES_THE_MACHINE)):
                done = subprocess.run(
                    part, shell=True, cwd=app, env=variables, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{part}\n{done.stdout}{done.stderr}"
    yield root


def copy(source: Path, target: Path, *, is_folder: bool) -> None:
    if is_folder:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_the_steps_leave_a_runner_that_has_a_dialogue(built: Path) -> None:
    home = built / "home"
    variables = clean_environment(home) | {"BEDROCK_MODEL_IDS": '["rehearsal:subject"]'}
    variables["PATH"] = f"{built}/python/bin:{variables['PATH']}"
    command = [*json.loads(only("ENTRYPOINT")), "--model", "rehearsal:subject", "--prompt", "career-change"]
    done = subprocess.run(
        [*command, "--turns", "3"], cwd=built / "app", env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["scenario"], summary["n_turns"], summary["n_judged"]) == ("career-change", 3, 3)
    # Where the volume is mounted is where the journal was kept.
    assert only("VOLUME") == '["/app/local_backups"]'
    assert list((built / "app" / "local_backups").glob("*/socratic-*/journal.jsonl"))


def test_the_steps_leave_a_runner_that_measures(built: Path) -> None:
    variables = clean_environment(built / "home")
    variables["PATH"] = f"{built}/python/bin:{variables['PATH']}"
    command = [*json.loads(only("ENTRYPOINT", "throughput")), "--provider", "rehearsal", "--models", "subject"]
    done = subprocess.run(command, cwd=built / "app", env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Success rehearsal:subject (tps=" in done.stderr
    assert list((built / "app" / "local_backups").glob("*/throughput-*/journal.jsonl"))


def test_compose_keeps_journals_and_gives_a_stop_its_time() -> None:
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    (service,) = compose["services"].values()
    assert service["build"]["target"] in stages()
    assert service["command"][0] == "--provider" and "--daemon" in service["command"]
    assert service["restart"] == "unless-stopped"
    (volume,) = service["volumes"]
    assert (
        volume.split(":") == ["throughput-journals", "/app/local_backups"]
        and "throughput-journals" in compose["volumes"]
    )
    # GRACE_S and the least time for a last delivery, as they are by default.
    assert int(service["stop_grace_period"].removesuffix("s")) > 30 + 5
    # Secrets come from a file beside it, and stand in none of ours.
    assert service["env_file"] == [".env"] and "environment" not in service


def test_the_runner_of_the_image_does_not_come_from_the_checkout(built: Path) -> None:
    where = [str(built / "python" / "bin" / "python"), "-c", "import trialbed; print(trialbed.__file__)"]
    said = subprocess.run(where, cwd=built, capture_output=True, text=True, check=True).stdout
    assert str(built) in said
