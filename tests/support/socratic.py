"""The Socratic experiment of the checkout, as values a test can look at, and its command in a project of its own."""

import json
from functools import cache
from typing import Any

from tests.support.project import CHECKOUT, Ended, Project
from trialbed.plugins import Found, scan

TUTOR = "anthropic.claude-3-5-sonnet-20241022-v1:0"
OTHER = "meta.llama3-1-70b-instruct-v1:0"
JUDGE = "amazon.nova-lite-v1:0"
CAREER = "I'm considering a career change but unsure where to start."


@cache
def socratic() -> Found:
    return scan(CHECKOUT).find("socratic")


def part(name: str) -> Any:
    """A module of the experiment's folder, e.g. `aggregates`."""
    import sys

    home = type(socratic().experiment).__module__
    return sys.modules[f"{home}.{name}"]


def runner_environment(url: str, **more: str) -> dict[str, str]:
    """What a user of the runner sets, with the stand-in's address for Bedrock's."""
    return {
        "AWS_REGION": "us-east-1",
        "BEDROCK_MODEL_IDS": json.dumps([TUTOR, OTHER]),
        "RUNNER_JUDGE_MODEL": JUDGE,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
        "AWS_SECRET_ACCESS_KEY": "example-secret-key-that-opens-nothing-000",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        **more,
    }


def have_a_dialogue(project: Project, *more: str, prompt: str = CAREER, turns: int = 5, **variables: str) -> Ended:
    """`trialbed socratic` to its end."""
    command = ("socratic", "--model", TUTOR, "--prompt", prompt, "--turns", str(turns), *more)
    return project.trialbed(*command, timeout_s=120.0, **variables)


def summary_of(ended: Ended) -> dict[str, Any]:
    """The one document on stdout."""
    summary: dict[str, Any] = json.loads(ended.stdout)
    return summary
