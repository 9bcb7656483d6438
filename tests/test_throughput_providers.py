"""Are models of every other provider measured through the adapter, and is what is not set up a failure of its own?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.ingest import IngestStandIn
from tests.standins.providers import Fault, ProviderStandIn, Said, Seen
from tests.support.bedrock import bedrock_thread
from tests.support.litellm import environment_of, model_name
from tests.support.project import make_project
from tests.support.throughput import FAST, measuring_project
from trialbed.providers.litellm.table import PROVIDERS
from trialbed.providers.rehearsal.config import RehearsalConfig

WORDS = Said("Once upon a time all was well, and then it got better still.", output_tokens=16, input_tokens=20)
GAP_S = 0.02
TELLS_UNASKED = ("databricks", "mistral")
"""They are not asked for tokens in a stream, and this stand-in tells them only where it is asked."""
BLOCKER = """import sys

class NoLiteLlm:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "litellm":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoLiteLlm())
"""


@pytest.fixture
def ingest() -> Iterator[IngestStandIn]:
    with IngestStandIn() as server:
        yield server
        assert server.problems == []


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_every_provider_is_measured_in_its_own_protocol(provider: str, tmp_path: Path, ingest: IngestStandIn) -> None:
    with ProviderStandIn(lambda _: WORDS, latency_s=0.2, gap_s=GAP_S) as standin:
        theirs = environment_of(provider, standin.url, tmp_path)
        project = make_project(tmp_path, **theirs, **ingest.environment())
        model = model_name(provider).id
        ended = project.trialbed("throughput", "--provider", provider, "--models", model, timeout_s=120.0)
    assert ended.code == 0, ended.stderr
    (seen,) = standin.seen
    assert seen.is_streamed
    (record,) = project.the_run().records().values()
    found = record["evaluation"]
    assert record["provider"] == provider and record["outcome"] == "answered"
    if provider in TELLS_UNASKED:
        assert found["token_source"] == "estimated" and found["output_tokens"] == pytest.approx(16, abs=4)
    else:
        assert (found["token_source"], found["output_tokens"], found["input_tokens"]) == ("provider", 16, 20)
    assert found["pieces"] == len(WORDS.pieces)
    # The stand-in waits after each event: so much at the least, and nothing of what LiteLLM does before it sends.
    assert 0.2 <= found["time_to_first_token"] < 0.5
    least_s = (len(WORDS.pieces) - 1) * GAP_S
    assert sum(found["times_between_tokens"]) == pytest.approx(least_s, rel=0.25)
    assert found["connect_s"] > 0
    (body,) = ingest.results()
    assert (body["provider"], body["model_name"], body["tokens_per_second"]) == (
        provider,
        model,
        found["tokens_per_second"],
    )
    assert body["misc"]["region"] is None


def test_a_retry_after_is_waited_for_and_the_times_are_of_the_attempt_that_was_answered(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    asked: list[Seen] = []

    def busy_once(seen: Seen) -> Said | Fault:
        asked.append(seen)
        return Fault(429, {"error": {"message": "slow down"}}, {"Retry-After": "2"}) if len(asked) == 1 else WORDS

    with ProviderStandIn(busy_once) as standin:
        theirs = environment_of("groq", standin.url, tmp_path)
        project = make_project(tmp_path, **theirs, **ingest.environment())
        ended = project.trialbed("throughput", "--provider", "groq", "--models", "llama", timeout_s=120.0)
    assert ended.code == 0, ended.stderr
    first, second = asked
    assert 2.0 <= second.at - first.at < 5.0
    (record,) = project.the_run().records().values()
    assert record["evaluation"]["attempts"] == 2 and record["evaluation"]["generate_time"] < 1.0


def test_tokens_that_a_provider_does_not_tell_are_estimated_and_said_to_be(
    tmp_path: Path, ingest: IngestStandIn
) -> None:
    with ProviderStandIn(lambda _: Said(WORDS.text, tells_usage=False)) as standin:
        theirs = environment_of("openai", standin.url, tmp_path)
        project = make_project(tmp_path, **theirs, **ingest.environment())
        ended = project.trialbed("throughput", "--provider", "openai", "--models", "gpt-4o", timeout_s=120.0)
    assert ended.code == 0, ended.stderr
    (body,) = ingest.results()
    assert body["token_source"] == "estimated" and 10 <= body["output_tokens"] <= 20


def test_a_missing_key_and_a_bad_model_do_not_stop_the_others(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server, ProviderStandIn(lambda _: WORDS) as standin:
        theirs = environment_of("groq", standin.url, tmp_path)
        measuring = measuring_project(tmp_path, server.url, ingest, **theirs)
        ended = measuring.once("--models", f"{FAST},groq:llama,mistral:large", timeout_s=120.0)
    assert ended.code == 1
    assert f"Success bedrock:{FAST}" in ended.stderr and "Success groq:llama" in ended.stderr
    assert "Benchmark failed for mistral:large - NotSetUp: MISTRAL_API_KEY: " in ended.stderr
    (report,) = ingest.errors()
    assert (report["provider"], report["exc_type"]) == ("mistral", "NotSetUp")


def test_a_missing_package_is_a_failure_of_its_models_alone(tmp_path: Path, ingest: IngestStandIn) -> None:
    blocker = tmp_path / "blocker"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(BLOCKER, encoding="utf-8")
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(
            tmp_path, server.url, ingest, GROQ_API_KEY="gsk-of-nobody-0000", PYTHONPATH=str(blocker)
        )
        ended = measuring.once("--models", f"groq:llama,{FAST}")
    assert ended.code == 1
    assert f"Success bedrock:{FAST}" in ended.stderr
    assert "Benchmark failed for groq:llama - NotSetUp: " in ended.stderr and "make providers" in ended.stderr
    (report,) = ingest.errors()
    assert (report["provider"], report["model_name"]) == ("groq", "llama")


def test_a_roster_says_which_models_are_measured(tmp_path: Path, ingest: IngestStandIn) -> None:
    with bedrock_thread(RehearsalConfig()) as server:
        measuring = measuring_project(tmp_path, server.url, ingest)
        roster = measuring.project.root / "models.json"
        roster.write_text(f'[{{"id": "{FAST}", "provider": "bedrock", "concurrency": 1}}]', encoding="utf-8")
        assert measuring.once("--models", "models.json").code == 0
        roster.write_text(f'[{{"id": "{FAST}", "provider": "bedrock"}}]', encoding="utf-8")
        ended = measuring.once("--models", "models.json")
    assert ended.code == 2 and f"models.json: {FAST}: concurrency: must be given" in ended.stderr
    assert [record["steward_model"] for record in measuring.records()] == [FAST]
