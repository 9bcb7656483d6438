"""A project whose `trialbed throughput` measures models at the stand-in for Bedrock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.standins.ingest import IngestStandIn
from tests.support.bedrock import real_environment
from tests.support.project import Project, RunOnDisk, Sitting, make_project

FAST, SLOW, HUNG = "amazon.nova-micro-v1:0", "amazon.nova-pro-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0"
_ON_BEDROCK = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")


@dataclass(frozen=True)
class Measuring:
    """The command in a project of its own. `arguments` are those of every start."""

    project: Project
    arguments: tuple[str, ...] = ("--provider", "bedrock")

    def once(self, *more: str, **variables: str) -> Any:
        return self.project.trialbed("throughput", *self.arguments, *more, **variables)

    def start(self, *more: str, **variables: str) -> Sitting:
        return self.project.start_trialbed("throughput", *self.arguments, *more, **variables)

    def records(self) -> list[dict[str, Any]]:
        """The newest record of every trial of all runs, in the order in which they began."""
        found = [record for run in self.project.runs() for record in run.records().values()]
        return sorted(found, key=lambda record: record["started_at"])

    def the_run(self) -> RunOnDisk:
        return self.project.the_run()


def measuring_project(tmp_path: Path, bedrock_url: str, ingest: IngestStandIn, **variables: str) -> Measuring:
    """No model is named yet."""
    there = real_environment(bedrock_url)
    there = {name: there[name] for name in _ON_BEDROCK}
    return Measuring(make_project(tmp_path, **there, **ingest.environment(), **variables))


def cycle_starts(records: list[dict[str, Any]], model: str) -> dict[int, float]:
    """By cycle, when the measurement of a model began, as unix time."""
    own = [record for record in records if record["steward_model"] == model]
    return {record["repeat"]: datetime.fromisoformat(record["started_at"]).timestamp() for record in own}


def timings(record: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = record["evaluation"]
    assert found is not None, json.dumps(record["outcome_reason"])
    return found
