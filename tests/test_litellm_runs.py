"""Does a whole run with models of other providers go as one with Bedrock's, and is what is missing said in one line?"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.standins.providers import Fault, ProviderStandIn, Said, Seen
from tests.support.experiments import QUIZ_FILES
from tests.support.litellm import environment_of, key_of
from tests.support.project import Project, make_project
from trialbed.core.redact import SECRET_VARIABLES
from trialbed.providers.litellm.table import PROVIDERS

SUBJECT, JUDGE = "groq:llama-3.3-70b-versatile", "openai:gpt-4o"


def answers(seen: Seen) -> Said | Fault:
    """A subject's words; a judge's verdict in the way in which it is asked for."""
    if seen.body["model"] != "gpt-4o":
        return Said("What matters is the question, I would say.")
    return Said('{"ready": true}' if "ready" in str(seen.body["messages"]) else '{"tone": "warm"}')


def project_at(standin: ProviderStandIn, folder: Path, **variables: str) -> Project:
    theirs = environment_of("groq", standin.url, folder) | environment_of("openai", standin.url, folder)
    settings = {"EXPERIMENT": "quiz", "SUBJECT_MODELS": SUBJECT, "JUDGE_MODELS": JUDGE, "BATCH_MODE": "true"}
    return make_project(folder, experiments=QUIZ_FILES, **{**settings, "BATCH_SIZE": "2", **theirs, **variables})


def subjects(seen: list[Seen]) -> list[Seen]:
    """The calls of trials to the subject, without the small one before the run."""
    own = [one for one in seen if one.body["model"] != "gpt-4o"]
    return [one for one in own if "ready" not in str(one.body["messages"])]


def refused(project: Project, **variables: str) -> list[str]:
    ended = project.trialbed("run", **variables)
    assert (ended.code, ended.stdout) == (2, ""), ended.stderr
    assert not (project.root / "local_backups").exists()
    return ended.stderr.splitlines()


def test_a_run_goes_on_record_as_the_providers_saw_it(tmp_path: Path) -> None:
    with ProviderStandIn(answers) as standin:
        project = project_at(standin, tmp_path, MODEL_TEMPERATURE="0.4", MODEL_TOP_P="0.8", MODEL_MAX_TOKENS="77")
        ended = project.trialbed("run")
    assert ended.code == 0, ended.stderr
    run = project.the_run()
    records = list(run.records().values())
    assert len(records) == 6 and all(record["outcome"] == "answered" for record in records)
    calls = [call for record in records for call in record["calls"]]
    asked = subjects(standin.seen)
    assert len(asked) == 12 and len(calls) == 18
    for seen in asked:
        assert {name: seen.body[name] for name in ("temperature", "top_p", "max_tokens")} == {
            "temperature": 0.4,
            "top_p": 0.8,
            "max_tokens": 77,
        }
    for record in records:
        sent = record["sent_parameters"]
        assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.4, 0.8, 77)
        assert record["provenance"]["packages"]["litellm"]
        (verdict,) = record["verdicts"]
        assert verdict["judge"] == JUDGE and verdict["values"] == {"tone": "warm"}
    every = "".join(path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file())
    for text in (every, ended.stdout, ended.stderr):
        assert key_of("groq") not in text and key_of("openai") not in text


def test_costs_are_those_of_the_users_file_else_of_litellms_map_else_unknown(tmp_path: Path) -> None:
    with ProviderStandIn(answers) as standin:
        project = project_at(standin, tmp_path, BATCH_SIZE="1", PRICES_FILE="prices.toml")
        rule = "[[rule]]\npattern = 'groq:llama'\ninput = 1000.0\noutput = 2000.0\n"
        (project.root / "prices.toml").write_text(rule)
        ended = project.trialbed("run")
        assert ended.code == 0, ended.stderr
        unknown = project.trialbed("run", SUBJECT_MODELS="groq:never-heard-of", PRICES_FILE="")
        assert unknown.code == 0, unknown.stderr
        limited = project.trialbed(
            "run", "--fresh", SUBJECT_MODELS="groq:never-heard-of", PRICES_FILE="", MAX_COST_USD="1"
        )
    known, other = project.runs()
    for record in known.records().values():
        # Two answers of the subject at the user's prices, one of the judge at the map's (2.50 and 10 for a million).
        assert record["cost_usd"] == pytest.approx(2 * (12 * 1000 + 5 * 2000) / 1e6 + (12 * 2.5 + 5 * 10) / 1e6)
    assert {record["cost_usd"] for record in other.records().values()} == {None}
    assert limited.code == 2 and "the price of groq:never-heard-of is not known" in limited.stderr


@pytest.mark.parametrize("header", [{"Retry-After": "2"}, {}], ids=["told", "not told"])
def test_a_throttle_is_waited_out_as_long_as_the_provider_asks(header: dict[str, str], tmp_path: Path) -> None:
    throttled: list[Seen] = []

    def throttling(seen: Seen) -> Said | Fault:
        if subjects([seen]) and not throttled:
            throttled.append(seen)
            return Fault(429, {"error": {"message": "slow down", "type": "tokens"}}, header)
        return answers(seen)

    with ProviderStandIn(throttling) as standin:
        project = project_at(standin, tmp_path, BATCH_SIZE="1", MAX_CONCURRENCY="1")
        ended = project.trialbed("run")
    assert ended.code == 0, ended.stderr
    asked = subjects(standin.seen)
    waited_s = asked[asked.index(throttled[0]) + 1].at - throttled[0].at
    assert len(asked) == 7
    if header:
        # By itself it would come again within a second.
        assert waited_s >= 2.0


def test_a_roster_files_concurrency_is_the_most_that_a_model_is_asked_at_a_time(tmp_path: Path) -> None:
    with ProviderStandIn(answers, latency_s=0.1) as standin:
        project = project_at(standin, tmp_path, SUBJECT_MODELS="data/models.json", BATCH_SIZE="4")
        (project.root / "data").mkdir()
        roster = [{"id": "llama-3.3-70b-versatile", "provider": "groq", "concurrency": 2, "label": "Llama"}]
        (project.root / "data" / "models.json").write_text(json.dumps(roster))
        own: list[int] = []

        def counting(seen: Seen) -> Said | Fault:
            if seen.body["model"] != "gpt-4o":
                with standin.lock:
                    own.append(seen.in_flight)
            return answers(seen)

        standin.answer = counting
        ended = project.trialbed("run", JUDGE_MODELS=SUBJECT)
    assert ended.code in (0, 1), ended.stderr
    assert len(own) > 20 and max(own) == 2


def test_a_missing_key_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz")
    lines = refused(project, SUBJECT_MODELS="groq:x,anthropic:y,runpod:z,vertex:w", JUDGE_MODELS="groq:x")
    names = ["GROQ_API_KEY", "ANTHROPIC_API_KEY", "RUNPOD_API_KEY", "RUNPOD_API_BASE", "VERTEXAI_PROJECT"]
    assert [line.partition(":")[0] for line in lines] == names
    assert lines[0] == "GROQ_API_KEY: not set, and Groq takes no call without a key; set it in .env"


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    blocker = tmp_path / "without"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'litellm':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", PYTHONPATH=str(blocker))
    (line,) = refused(project, SUBJECT_MODELS=SUBJECT, JUDGE_MODELS=SUBJECT, GROQ_API_KEY=key_of("groq"))
    assert line.startswith(f"{SUBJECT}: the package litellm is not installed; run 'make providers'")


@pytest.mark.parametrize(
    "address", ["http://api.example.com/v1", "http://10.0.0.1/v1", "ftp://x/v1", "x", "https://ada:pw@api.example.com"]
)
def test_an_address_that_would_show_the_key_is_refused(address: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, experiments=QUIZ_FILES, EXPERIMENT="quiz", GROQ_API_KEY=key_of("groq"))
    (line,) = refused(project, SUBJECT_MODELS=SUBJECT, JUDGE_MODELS=SUBJECT, GROQ_API_BASE=address)
    assert line.startswith("GROQ_API_BASE: ") and "pw@" not in line


def test_a_parameter_that_a_model_does_not_take_is_named_by_its_variable(tmp_path: Path) -> None:
    with ProviderStandIn(answers) as standin:
        project = project_at(standin, tmp_path, SUBJECT_MODELS="openai:o3-mini")
        ended = project.trialbed("run")
        assert ended.code == 2 and "MODEL_TEMPERATURE: openai:o3-mini does not take temperature" in ended.stderr
        assert not [seen for seen in standin.seen if seen.body["model"] == "o3-mini"]
        dropped = project.trialbed("run", ON_UNSUPPORTED="drop")
    assert dropped.code == 0, dropped.stderr
    for record in project.the_run().records().values():
        assert set(record["unsupported"]) == {"temperature", "top_p"}


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(tmp_path: Path) -> None:
    def respond(_: Seen) -> Fault:
        error: dict[str, Any] = {"message": f"Invalid API Key {key_of('groq')}", "code": "invalid_api_key"}
        return Fault(401, {"error": error})

    with ProviderStandIn(respond) as standin:
        project = project_at(standin, tmp_path, JUDGE_MODELS=SUBJECT)
        lines = refused(project)
    assert "the key is that of GROQ_API_KEY" in lines[0] and "renew the AWS" not in lines[0]
    assert key_of("groq") not in "".join(lines)


def test_doctor_says_what_each_provider_answers(tmp_path: Path) -> None:
    with ProviderStandIn(answers) as standin:
        project = project_at(standin, tmp_path)
        well = project.trialbed("doctor")
        ill = project.trialbed("doctor", GROQ_API_KEY="")
    assert f"model {SUBJECT}" in well.stdout and f"model {JUDGE}" in well.stdout
    assert "GROQ_API_KEY" in ill.stdout + ill.stderr


def test_every_key_is_a_secret() -> None:
    keys = {name for provider in PROVIDERS.values() for name in provider.keys}
    assert keys <= set(SECRET_VARIABLES)
