"""How does the benchmark run our own program? As a user does: a project folder, an environment, one command."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.bench.experiments import ONE_CALL_FILES, ONE_CALL_VARIANTS
from tests.bench.farside import FarSide
from tests.bench.processes import Spent, finished
from tests.standins.hub.accounts import USER, WRITE_TOKEN
from tests.standins.hub.environment import client_environment
from tests.standins.hub.process import hub_process
from tests.support.project import Project, make_project

DILEMMA_VARIANTS = 5
DILEMMA_CALLS = 6
"""Five turns and one verdict."""
DIALOGUES_PER_REPEAT = 44
"""Eleven scenarios in four variants."""
STUDENT = "amazon.nova-micro-v1:0"

_numbers = count(1)


def one_call_project(root: Path, far: FarSide, *, trials: int, concurrency: int) -> Project:
    """A plan of `trials` one-turn trials; all settings but the named ones are the defaults."""
    return make_project(
        root / f"ours-{next(_numbers)}",
        experiments=ONE_CALL_FILES,
        **far.environment(),
        EXPERIMENT="one_call",
        BATCH_MODE="true",
        BATCH_SIZE=str(trials // ONE_CALL_VARIANTS),
        MAX_CONCURRENCY=str(concurrency),
    )


def dilemma_project(root: Path, far: FarSide, *, trials: int, concurrency: int, hub: dict[str, str]) -> Project:
    """The dilemma as it is, judged, and uploaded to a dataset of its own."""
    number = next(_numbers)
    return make_project(
        root / f"ours-{number}",
        **far.environment(),
        **hub,
        HF_REPO_ID=f"{USER}/bench-{number}",
        BATCH_MODE="true",
        BATCH_SIZE=str(trials // DILEMMA_VARIANTS),
        MAX_CONCURRENCY=str(concurrency),
    )


def socratic_project(root: Path, bedrock: Mapping[str, str], *, turns: int, concurrency: int) -> Project:
    """The Socratic experiment as it is, with a student model, against a stand-in that brings its personas."""
    return make_project(
        root,
        **bedrock,
        EXPERIMENT="socratic",
        RUNNER_STUDENT_MODEL=STUDENT,
        RUNNER_DEFAULT_TURNS=str(turns),
        MAX_CONCURRENCY=str(concurrency),
    )


def whole_socratic_run(project: Project, *, dialogues: int) -> Spent:
    """That many dialogues, over all scenarios and variants.

    Raises:
        ProcessFailed: not every one was answered.
    """
    repeats = -(-dialogues // DIALOGUES_PER_REPEAT)
    return whole_run(project, "--runs", str(repeats), "--limit", str(dialogues))


@contextmanager
def hub_variables(root: Path, *, commit_every_s: float, log: Path) -> Iterator[dict[str, str]]:
    """A stand-in for the Hub in a process of its own, and what a user sets to upload there.

    `log` gets a line for every request that has reached it.
    """
    with hub_process(log_file=log) as hub:
        variables = client_environment(hub.endpoint, root / "hf-home", token=WRITE_TOKEN)
        yield variables | {"HF_COMMIT_EVERY_S": str(commit_every_s)}


def whole_run(project: Project, *arguments: str, most_s: float = 600.0) -> Spent:
    """`python run_and_evaluate.py`, to its end.

    Raises:
        ProcessFailed: not every trial was answered.
    """
    return finished(
        [sys.executable, "run_and_evaluate.py", *arguments], project.root, project.environment, most_s=most_s
    )
