"""Which flags fit which model? What was typed holds or is refused by name; a default gives way, and that is said."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bedrock import Bedrock, Request, bedrock_process, real_environment, requests_in
from tests.support.project import Ended, Project, make_project
from tests.test_parameters_on_the_wire import body_parameters
from trialbed.app.execution.sampling import Chosen, choose_sampling
from trialbed.app.execution.wanted import ExecutionWanted, TaskWanted
from trialbed.core.model import Service
from trialbed.providers.bedrock.capabilities import capabilities_of, fit

ACCOUNT = "216874796537"
SONNET_45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{SONNET_45}"
SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU_45 = "anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS_45 = "us.anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_46 = "us.anthropic.claude-opus-4-6-v1"
OPUS_47 = "anthropic.claude-opus-4-7"
OPUS_5 = "us.anthropic.claude-opus-5-5"
NOVA = "amazon.nova-pro-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
NEW = "maker.model-of-tomorrow-v1:0"

Kind = Literal["plain", "budget", "one", "mixed", "adaptive", "new"]
KINDS: dict[Kind, list[str]] = {
    "plain": ["anthropic.claude-3-5-sonnet-20241022-v2:0", NOVA, LLAMA, GPT_OSS],
    "budget": ["us.anthropic.claude-3-7-sonnet-20250219-v1:0", SONNET_4],
    "one": [SONNET_45, PROFILE, HAIKU_45, OPUS_45],
    "mixed": [OPUS_46, "anthropic.claude-sonnet-4-6"],
    "adaptive": [OPUS_47, OPUS_5, "anthropic.claude-sonnet-5-20260301-v1:0", "global.anthropic.claude-haiku-5-v1:0"],
    "new": [NEW],
}
"""Plain: does not think. Budget: thinks with one. One: too, and takes temperature or top_p. Mixed: as one, and adaptive
too. Adaptive: only so, and no sampling. New: nothing is known."""

Taken = tuple[float | None, float | None, int | str | None]
"""Temperature, top_p and thinking that are asked for."""
Refused = str | tuple[str, ...]
"""How each line begins after the model's name is put in."""

THINK = "--enable-thinking --pred-max-tokens 4000"
NO_TEMPERATURE = "--pred-temperature: {model} does not take temperature; set --pred-temperature none"
NO_TOP_P = "--pred-top-p: {model} does not take top_p; set --pred-top-p none"
NOT_BOTH = "--pred-top-p: {model} takes temperature or top_p, not both; set --pred-top-p none"
ONLY_1 = "--pred-temperature: {model} takes temperature 1 or none while it thinks; set --pred-temperature none"
NOT_THINKING_TOP_P = "--pred-top-p: {model} takes no top_p while it thinks; set --pred-top-p none"
NO_THOUGHT = "--enable-thinking: {model} does not take thinking; leave --enable-thinking out"
ADAPTIVE_ONLY = "--thinking-budget-tokens: {model} takes adaptive thinking only; leave --thinking-budget-tokens out"
ALONE = "--thinking-budget-tokens: says nothing without --enable-thinking; add it, or leave the budget out"
TOO_SMALL = "--thinking-budget-tokens: must be at least 1024, is 1023; raise it"
TOO_LARGE = (
    "--thinking-budget-tokens: must be below --pred-max-tokens (2000 and {most}); set e.g. --pred-max-tokens 3000"
)
NO_ROOM = (
    "--enable-thinking: its budget, 2000 if none is given, must be below --pred-max-tokens (2000 and 1000); set e.g. "
    "--pred-max-tokens 3000"
)


def all_kinds(said: Taken | Refused) -> dict[Kind, Taken | Refused]:
    return dict.fromkeys(KINDS, said)


TABLE: dict[str, dict[Kind, Taken | Refused]] = {
    "": {
        **all_kinds((0.6, 0.95, None)),
        "one": (0.6, None, None),
        "mixed": (0.6, None, None),
        "adaptive": (None, None, None),
    },
    "--pred-temperature 0.6": {
        **all_kinds((0.6, 0.95, None)),
        "one": (0.6, None, None),
        "mixed": (0.6, None, None),
        "adaptive": NO_TEMPERATURE,
    },
    "--pred-temperature 1": {
        **all_kinds((1.0, 0.95, None)),
        "one": (1.0, None, None),
        "mixed": (1.0, None, None),
        "adaptive": NO_TEMPERATURE,
    },
    "--pred-temperature none": {**all_kinds((None, 0.95, None)), "adaptive": (None, None, None)},
    "--pred-top-p 0.9": {
        **all_kinds((0.6, 0.9, None)),
        "one": (None, 0.9, None),
        "mixed": (None, 0.9, None),
        "adaptive": NO_TOP_P,
    },
    "--pred-top-p none": {**all_kinds((0.6, None, None)), "adaptive": (None, None, None)},
    "--pred-temperature 0.6 --pred-top-p 0.9": {
        **all_kinds((0.6, 0.9, None)),
        "one": NOT_BOTH,
        "mixed": NOT_BOTH,
        "adaptive": (NO_TEMPERATURE, NO_TOP_P),
    },
    "--pred-temperature none --pred-top-p none": all_kinds((None, None, None)),
    THINK: {**all_kinds((None, None, 2000)), "plain": NO_THOUGHT, "adaptive": (None, None, "adaptive")},
    f"{THINK} --thinking-budget-tokens 1024": {
        **all_kinds((None, None, 1024)),
        "plain": NO_THOUGHT,
        "adaptive": ADAPTIVE_ONLY,
    },
    f"{THINK} --thinking-budget-tokens 1023": all_kinds(TOO_SMALL),
    "--enable-thinking --thinking-budget-tokens 2000": all_kinds(TOO_LARGE.format(most=1000)),
    "--enable-thinking --thinking-budget-tokens 2000 --pred-max-tokens 2000": all_kinds(TOO_LARGE.format(most=2000)),
    "--enable-thinking --thinking-budget-tokens 2000 --pred-max-tokens 2001": {
        **all_kinds((None, None, 2000)),
        "plain": NO_THOUGHT,
        "adaptive": ADAPTIVE_ONLY,
    },
    "--thinking-budget-tokens 2000 --pred-max-tokens 4000": all_kinds(ALONE),
    "--enable-thinking": {**all_kinds(NO_ROOM), "plain": NO_THOUGHT, "adaptive": (None, None, "adaptive")},
    f"{THINK} --pred-temperature 0.6": {**all_kinds(ONLY_1), "plain": NO_THOUGHT, "adaptive": NO_TEMPERATURE},
    f"{THINK} --pred-temperature 1": {
        **all_kinds((1.0, None, 2000)),
        "plain": NO_THOUGHT,
        "adaptive": NO_TEMPERATURE,
    },
    f"{THINK} --pred-temperature none": {
        **all_kinds((None, None, 2000)),
        "plain": NO_THOUGHT,
        "adaptive": (None, None, "adaptive"),
    },
    f"{THINK} --pred-top-p 0.95": {**all_kinds(NOT_THINKING_TOP_P), "plain": NO_THOUGHT, "adaptive": NO_TOP_P},
    f"{THINK} --pred-top-p none": {
        **all_kinds((None, None, 2000)),
        "plain": NO_THOUGHT,
        "adaptive": (None, None, "adaptive"),
    },
    f"{THINK} --pred-temperature 0.6 --pred-top-p 0.9": {
        **all_kinds((ONLY_1, NOT_THINKING_TOP_P)),
        "plain": NO_THOUGHT,
        "adaptive": (NO_TEMPERATURE, NO_TOP_P),
    },
    "--pred-temperature 2.5": all_kinds("--pred-temperature: must be a number from 0 to 2, or none (is '2.5')"),
    "--pred-temperature warm": all_kinds("--pred-temperature: must be a number from 0 to 2, or none (is 'warm')"),
    "--pred-top-p 0": all_kinds("--pred-top-p: must be a number from 0 to 1, or none (is '0')"),
    "--pred-top-p nan": all_kinds("--pred-top-p: must be a number from 0 to 1, or none (is 'nan')"),
    "--pred-max-tokens 0": all_kinds("--pred-max-tokens: must be at least 1, is 0"),
}
"""Flags -> by kind of model, what is asked of it, or the lines that refuse."""
CELLS = [
    pytest.param(flags, model, said, id=f"{flags or 'nothing'}-{model.rpartition('/')[2]}")
    for flags, by_kind in TABLE.items()
    for kind, said in by_kind.items()
    for model in KINDS[kind]
]
NEVER_DROPPED = (TOO_SMALL, ALONE, NO_ROOM, *(TOO_LARGE.format(most=most) for most in (1000, 2000)))


def asked(flags: str, task: Literal["prediction", "choice"] = "prediction") -> tuple[TaskWanted, ExecutionWanted]:
    """What the command makes of these flags; the tests below give the same ones to the command itself."""
    words = shlex.split(flags.replace("--pred-", "--choice-") if task == "choice" else flags)
    typed = {name: words[place + 1] for place, name in enumerate(words[:-1]) if name.startswith("--")}
    prefix = "--pred" if task == "prediction" else "--choice"
    budget = typed.get("--thinking-budget-tokens")
    own = TaskWanted(
        task,
        max_tokens=int(typed.get(f"{prefix}-max-tokens", 1000)),
        temperature=typed.get(f"{prefix}-temperature"),
        top_p=typed.get(f"{prefix}-top-p"),
    )
    whole = ExecutionWanted(
        (own,),
        enable_thinking="--enable-thinking" in words,
        thinking_budget_tokens=None if budget is None else int(budget),
        latency_profile=typed.get("--latency-profile"),
    )
    return own, whole


def chosen(flags: str, model: str, *, task: Literal["prediction", "choice"] = "prediction", **more: Any) -> Chosen:
    own, whole = asked(flags, task)
    return choose_sampling(own, whole, capabilities_of(model), service=Service(latency=whole.latency_profile), **more)


def public(model: str) -> str:
    return model.replace(ACCOUNT, "*" * 12)


def lines_of(said: Refused, model: str) -> list[str]:
    lines = (said,) if isinstance(said, str) else said
    return [line.format(model=public(model)) for line in lines]


def is_refusal(said: Taken | Refused) -> bool:
    return isinstance(said, str) or isinstance(said[0], str)


# --- The table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("flags", "model", "said"), CELLS)
def test_every_combination_is_asked_as_the_table_says_or_refused_in_its_words(
    flags: str, model: str, said: Any
) -> None:
    found = chosen(flags, model)
    assert ACCOUNT not in "".join((*found.notices, *found.problems))
    if not is_refusal(said):
        assert found.problems == ()
        sampling = found.sampling
        assert (sampling.temperature, sampling.top_p, sampling.thinking) == said
        assert fit(sampling, capabilities_of(model)) == (sampling, {})
        return
    assert [line.removesuffix(", or ON_UNSUPPORTED=drop") for line in found.problems] == lines_of(said, model)
    for line in found.problems:
        assert line.partition(":")[0] in flags.split() and len(line.splitlines()) == 1


@pytest.mark.parametrize(("flags", "model", "said"), [cell for cell in CELLS if not is_refusal(cell.values[2])])  # type: ignore[arg-type]
def test_a_default_that_gave_way_is_said_and_nothing_else_is(flags: str, model: str, said: Taken) -> None:
    gone = [
        name
        for name, value in (("--pred-top-p", said[1]), ("--pred-temperature", said[0]))
        if value is None and name not in flags.split()
    ]
    adapts = [f"{public(model)} takes adaptive thinking: no budget is set;"] if said[2] == "adaptive" else []
    told = chosen(flags, model).notices
    assert len(told) == len(adapts) + len(gone)
    for line, begins in zip(told, [*adapts, *(f"{name}: its default is left out: " for name in gone)], strict=True):
        assert line.startswith(begins) and public(model) in line


@pytest.mark.parametrize(("flags", "model", "said"), [cell for cell in CELLS if is_refusal(cell.values[2])])  # type: ignore[arg-type]
def test_only_what_a_model_refuses_may_be_dropped_not_what_says_nothing(flags: str, model: str, said: Refused) -> None:
    may_drop = all(line.endswith(", or ON_UNSUPPORTED=drop") for line in chosen(flags, model).problems)
    assert (chosen(flags, model, drops=True).problems == ()) is may_drop
    assert may_drop is ("{model}" in "".join(said))


@pytest.mark.parametrize(("flags", "model", "said"), CELLS)
def test_a_choice_is_held_to_the_same_by_flags_of_its_own(flags: str, model: str, said: Any) -> None:
    by_prediction, by_choice = chosen(flags, model), chosen(flags, model, task="choice")
    assert by_choice.sampling == by_prediction.sampling
    for name in ("notices", "problems"):
        theirs = [line.replace("--pred-", "--choice-") for line in getattr(by_prediction, name)]
        assert list(getattr(by_choice, name)) == theirs


numbers = st.sampled_from(["", "none", "0", "0.6", "1", "1.0", "0.95"])
MODELS = [model for models in KINDS.values() for model in models]


@given(
    model=st.sampled_from(MODELS),
    temperature=numbers,
    top_p=numbers.filter(lambda said: said != "0"),
    thinks=st.booleans(),
    budget=st.one_of(st.none(), st.integers(1000, 2100)),
    most=st.integers(1020, 2200),
    effort=st.sampled_from([None, "low", "max"]),
)
def test_what_was_typed_stands_in_what_is_asked_or_in_a_refusal(
    model: str, temperature: str, top_p: str, thinks: bool, budget: int | None, most: int, effort: str | None
) -> None:
    flags = f"--pred-max-tokens {most}"
    flags += f" --pred-temperature {temperature}" if temperature else ""
    flags += f" --pred-top-p {top_p}" if top_p else ""
    flags += " --enable-thinking" if thinks else ""
    flags += f" --thinking-budget-tokens {budget}" if budget is not None else ""
    found = chosen(flags, model, effort=effort)
    if found.problems:
        assert {line.partition(":")[0] for line in found.problems} <= {*flags.split(), "MODEL_EFFORT"}
        return
    sampling = found.sampling
    assert sampling.max_tokens == most and sampling.effort == effort
    for typed, taken in ((temperature, sampling.temperature), (top_p, sampling.top_p)):
        assert not typed or taken == (None if typed == "none" else float(typed))
    assert (sampling.thinking is not None) is thinks
    assert budget is None or sampling.thinking == budget
    assert not isinstance(sampling.thinking, int) or 1024 <= sampling.thinking < most
    assert fit(sampling, capabilities_of(model)) == (sampling, {})


# --- Effort and latency --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "said"),
    [
        (OPUS_45, "high", None),
        (OPUS_45, "max", "takes effort low, medium, high only"),
        (OPUS_46, "max", None),
        (OPUS_46, "xhigh", "takes effort low, medium, high, max only"),
        (OPUS_47, "xhigh", None),
        (OPUS_5, "low", None),
        (PROFILE, "low", "does not take effort"),
        (SONNET_4, "low", "does not take effort"),
        (NOVA, "low", "does not take effort"),
        (LLAMA, "low", "does not take effort"),
        (NEW, "low", None),
    ],
)
@pytest.mark.parametrize("flags", ["", THINK])
def test_an_effort_is_refused_by_its_variable_where_the_model_has_no_such_level(
    model: str, effort: str, said: str | None, flags: str
) -> None:
    found = chosen(flags, model, effort=effort)
    lines = [line for line in found.problems if line.startswith("MODEL_EFFORT")]
    remedy = "set MODEL_EFFORT= empty, or ON_UNSUPPORTED=drop"
    assert lines == ([] if said is None else [f"MODEL_EFFORT: {public(model)} {said}; {remedy}"])
    if said is None and not found.problems:
        assert found.sampling.effort == effort


SERVED = {
    NOVA: True,
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": True,
    "us.meta.llama3-1-70b-instruct-v1:0": True,
    NEW: True,
    PROFILE: False,
    OPUS_45: False,
    "amazon.nova-lite-v1:0": False,
}
"""Model -> whether nothing speaks against serving it latency-optimized."""


@pytest.mark.parametrize(("model", "is_served"), SERVED.items())
def test_an_optimized_latency_is_refused_by_whatever_asked_for_it(model: str, is_served: bool) -> None:
    def refused(wanted: ExecutionWanted) -> tuple[str, ...]:
        service = Service(latency="optimized")
        return choose_sampling(wanted.tasks[0], wanted, capabilities_of(model), service=service).problems

    by_flag = asked("--latency-profile optimized")[1]
    by_variable = replace(by_flag, latency_profile=None)
    why = f"{public(model)} takes latency standard only"
    assert refused(by_flag) == (
        () if is_served else (f"--latency-profile: {why}; leave --latency-profile out, or ON_UNSUPPORTED=drop",)
    )
    assert refused(by_variable) == (
        () if is_served else (f"BEDROCK_LATENCY: {why}; set BEDROCK_LATENCY= empty, or ON_UNSUPPORTED=drop",)
    )
    assert chosen("--latency-profile standard", model).problems == ()


# --- Through the command, against a server that keeps account ------------------------------------


@pytest.fixture(scope="module")
def bedrock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bedrock]:
    with bedrock_process({"seed": 3}, log=tmp_path_factory.mktemp("bedrock") / "requests.jsonl") as server:
        yield server


def command(project: Project, model: str, flags: str, **variables: str) -> Ended:
    """`trialbed execution` about one problem, once per program."""
    few = ("--pred-num-problems", "1", "--pred-generations", "1", "--choice-num-problems", "1")
    return project.trialbed("execution", "--model-id", model, *few, *shlex.split(flags), timeout_s=120.0, **variables)


def project_for(bedrock: Bedrock, root: Path) -> Project:
    return make_project(root, **real_environment(bedrock.url))


BOTH_TASKS = "--task both --enable-thinking --thinking-budget-tokens 2000 --choice-max-tokens 4000"
REFUSED_BY_COMMAND: list[tuple[str, str, dict[str, str], Sequence[str]]] = [
    (PROFILE, "--pred-temperature 0.6 --pred-top-p 0.9", {}, [NOT_BOTH]),
    (PROFILE, f"{THINK} --pred-temperature 0.6 --pred-top-p 0.9", {}, [ONLY_1, NOT_THINKING_TOP_P]),
    (OPUS_47, f"{THINK} --thinking-budget-tokens 2000", {}, [ADAPTIVE_ONLY]),
    (NOVA, THINK, {}, [NO_THOUGHT]),
    (SONNET_4, "--enable-thinking", {}, [NO_ROOM]),
    (SONNET_4, BOTH_TASKS, {}, [TOO_LARGE.format(most=1000)]),
    (SONNET_4, f"{THINK} --thinking-budget-tokens 1023", {"ON_UNSUPPORTED": "drop"}, [TOO_SMALL]),
    (SONNET_4, "--thinking-budget-tokens 2000", {}, [ALONE]),
    (LLAMA, "", {"MODEL_EFFORT": "low"}, ["MODEL_EFFORT: {model} does not take effort; set MODEL_EFFORT= empty"]),
    (
        PROFILE,
        "--latency-profile optimized",
        {},
        ["--latency-profile: {model} takes latency standard only; leave --latency-profile out"],
    ),
]


@pytest.mark.parametrize(("model", "flags", "variables", "said"), REFUSED_BY_COMMAND)
def test_the_command_refuses_before_its_first_request_and_leaves_nothing_behind(
    bedrock: Bedrock, tmp_path: Path, model: str, flags: str, variables: Mapping[str, str], said: Sequence[str]
) -> None:
    before = len(requests_in(bedrock.log))
    project = project_for(bedrock, tmp_path)
    ended = command(project, model, flags, **variables)
    assert (ended.code, ended.stdout) == (2, "")
    lines = [line.removesuffix(", or ON_UNSUPPORTED=drop") for line in ended.stderr.splitlines()]
    assert lines == lines_of(tuple(said), model)
    assert ACCOUNT not in ended.stderr
    assert len(requests_in(bedrock.log)) == before
    assert project.runs() == []


ACCEPTED_BY_COMMAND: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
    (SONNET_4, "", {}, {"temperature": 0.6, "top_p": 0.95, "max_tokens": 1000}),
    (PROFILE, "", {}, {"temperature": 0.6, "max_tokens": 1000}),
    (PROFILE, THINK, {}, {"max_tokens": 4000, "thinking": "enabled", "thinking_tokens": 2000}),
    (
        HAIKU_45,
        f"{THINK} --thinking-budget-tokens 1024 --pred-temperature 1",
        {},
        {"max_tokens": 4000, "temperature": 1.0, "thinking": "enabled", "thinking_tokens": 1024},
    ),
    (
        OPUS_5,
        "--enable-thinking",
        {"MODEL_EFFORT": "xhigh"},
        {"max_tokens": 1000, "thinking": "adaptive", "effort": "xhigh"},
    ),
    (
        NOVA,
        "--latency-profile optimized --pred-top-p none",
        {},
        {"temperature": 0.6, "max_tokens": 1000, "latency": "optimized"},
    ),
]


def for_trials(requests: Sequence[Request]) -> list[Request]:
    return [request for request in requests if request.trial is not None]


@pytest.mark.parametrize(("model", "flags", "variables", "expected"), ACCEPTED_BY_COMMAND)
def test_what_is_accepted_is_on_the_wire_and_in_the_record_and_nothing_else_is(
    bedrock: Bedrock, tmp_path: Path, model: str, flags: str, variables: Mapping[str, str], expected: dict[str, Any]
) -> None:
    before = len(requests_in(bedrock.log))
    project = project_for(bedrock, tmp_path)
    ended = command(project, model, flags, **variables)
    assert ended.code == 0, ended.stderr
    assert ACCOUNT not in ended.stdout + ended.stderr
    requests = for_trials(requests_in(bedrock.log)[before:])
    records = project.the_run().records()
    assert len(requests) == len(records) >= 2
    for request in requests:
        sent = {name: value for name, value in body_parameters(request).items() if value is not None}
        assert sent == expected
        record = records[str(request.trial)]
        recorded = {name: value for name, value in record["sent_parameters"].items() if value is not None}
        assert recorded == expected and record["requested_parameters"] == record["sent_parameters"]
        assert record["unsupported"] == []
        assert set(request.body["inferenceConfig"]) <= {"maxTokens", "temperature", "topP"}


def test_dropping_leaves_out_what_was_typed_and_lists_it(bedrock: Bedrock, tmp_path: Path) -> None:
    before = len(requests_in(bedrock.log))
    project = project_for(bedrock, tmp_path)
    flags = f"{THINK} --pred-temperature 0.6 --pred-top-p 0.9"
    ended = command(project, OPUS_47, flags, ON_UNSUPPORTED="drop")
    assert ended.code == 0, ended.stderr
    for request in for_trials(requests_in(bedrock.log)[before:]):
        assert request.body["inferenceConfig"] == {"maxTokens": 4000}
        assert request.body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    for record in project.the_run().records().values():
        assert sorted(record["unsupported"]) == ["temperature", "top_p"]
        assert record["requested_parameters"]["temperature"] == 0.6


def test_the_file_of_results_says_what_was_asked_and_hides_the_account(bedrock: Bedrock, tmp_path: Path) -> None:
    project = project_for(bedrock, tmp_path)
    ended = command(project, PROFILE, f"{THINK} --thinking-budget-tokens 1024")
    assert ended.code == 0, ended.stderr
    (path,) = (line.removeprefix("Results: ") for line in ended.stdout.splitlines() if line.startswith("Results: "))
    text = (project.root / path).read_text(encoding="utf-8")
    config = json.loads(text)["config"]
    assert config["model_id"] == public(PROFILE) and ACCOUNT not in text
    assert (config["enable_thinking"], config["thinking_budget_tokens"]) == (True, 1024)
    assert {name: value for name, value in config["sampling"].items() if value is not None} == {
        "max_tokens": 4000,
        "thinking": "enabled",
        "thinking_tokens": 1024,
    }
