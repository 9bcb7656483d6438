"""What does the program make of `.env` and the shell, and what does it say when something in them is wrong?"""

import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.support.project import CHECKOUT, Project, make_project
from trialbed import settings as settings_module
from trialbed.core.errors import UserError
from trialbed.core.model import Service
from trialbed.providers.litellm.table import PROVIDERS
from trialbed.settings import Settings, known_secrets, load_settings, variables

EXAMPLE = CHECKOUT / ".env.example"
OF_OTHER_TOOLS = re.compile(r"AWS_[A-Z0-9_]+|HF_ENDPOINT|OTEL_[A-Z_]+")
OF_PROVIDERS = {name for provider in PROVIDERS.values() for name in provider.variables}
MADE_UP = {
    "HF_TOKEN": "hf_madeUpForTests0123456789",
    "AWS_SECRET_ACCESS_KEY": "madeUpSecretKeyThatOpensNothing000000000",
}

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Settings from the given shell variables and the text of a `.env`, with no other environment."""

    def settings(dotenv: str | bytes | None = None, /, **shell: str) -> Settings:
        monkeypatch.setattr(os, "environ", {"HOME": str(tmp_path / "home"), **shell})
        if dotenv is not None:
            (tmp_path / ".env").write_bytes(dotenv if isinstance(dotenv, bytes) else dotenv.encode())
        return load_settings(tmp_path)

    return settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def refused(project: Project, *arguments: str, **variables: str) -> list[str]:
    """The lines with which the program ends at once, exit 2, nothing on stdout and nothing on disk."""
    ended = project.run(*arguments, **variables)
    assert (ended.code, ended.stdout) == (2, ""), ended.stderr
    assert not (project.root / "local_backups").exists()
    return ended.stderr.splitlines()


def names_in(text: str) -> list[str]:
    return [match[1] for line in text.splitlines() if (match := re.match(r"#?([A-Z][A-Z0-9_]*)=", line))]


def test_all_wrong_variables_are_named_at_once_one_line_each(project: Project) -> None:
    (project.root / ".env").write_text(
        "BATCH_SIZE=many\nMODEL_TOP_P=2\nHF_LAYOUT=heap\nHF_TOKEN=hf_neverShowThis0123\n"
    )
    lines = refused(project, MAX_CONCURRENCY="0", BATCH_MODE="maybe", LOG_LEVEL="loud")
    wrong = ["BATCH_MODE", "BATCH_SIZE", "HF_LAYOUT", "LOG_LEVEL", "MAX_CONCURRENCY", "MODEL_TOP_P"]
    assert sorted(line.partition(":")[0] for line in lines) == wrong
    assert all("correct it in .env or the shell" in line for line in lines)
    assert "hf_neverShowThis0123" not in "".join(lines)


@pytest.mark.parametrize("secret", sorted(settings_module.SECRET_VARIABLES))
def test_no_message_shows_a_secret_even_where_it_was_put_by_mistake(project: Project, secret: str) -> None:
    value = "s3cretThatMustNeverBeShown0123456789/+x"
    lines = refused(project, **{secret: value, "BATCH_SIZE": value, "EXPERIMENT": value})
    assert lines and value[:12] not in "".join(lines)


def test_the_shell_wins_over_the_projects_env_file(load: Load) -> None:
    settings = load("BATCH_SIZE=7\nMODEL_SEED=1\n", MODEL_SEED="2")
    assert (settings.batch_size, settings.model_seed) == (7, 2)


def test_an_empty_variable_of_the_shell_hides_the_env_file(load: Load) -> None:
    assert load("MODEL_TOP_P=0.5\nBATCH_SIZE=7\n", MODEL_TOP_P="", BATCH_SIZE="").sampling.top_p is None
    assert load("BATCH_SIZE=7\n", BATCH_SIZE="").batch_size == 5


def test_only_the_env_file_of_the_project_root_is_read(project: Project) -> None:
    (project.root.parent / ".env").write_text("BATCH_SIZE=wrong\n")
    (project.root / "experiments" / ".env").write_text("BATCH_SIZE=wrong\n")
    (Path(project.environment["HOME"]) / ".env").write_text("BATCH_SIZE=wrong\n")
    (project.root / ".env").write_text("MODEL_SEED=77\n")
    ended = project.trialbed("plan")
    assert ended.code == 0 and '"seed": 77' in ended.stdout


def test_the_env_file_reaches_the_libraries_that_read_the_environment_themselves(load: Load) -> None:
    load("AWS_PROFILE=lab\nHF_ENDPOINT=http://127.0.0.1:1\nexport AWS_DEFAULT_REGION=eu-west-1\n")
    assert (os.environ["AWS_PROFILE"], os.environ["HF_ENDPOINT"]) == ("lab", "http://127.0.0.1:1")
    assert os.environ["AWS_REGION"] == "eu-west-1"


def test_what_is_not_set_is_not_asked_for(load: Load) -> None:
    assert load().sampling.as_dict() == {"temperature": 0.7, "top_p": 0.95, "max_tokens": 500}
    assert load().service.as_dict() == {}


def test_every_parameter_can_be_set_in_any_case(load: Load) -> None:
    settings = load(
        MODEL_THINKING="Adaptive",
        MODEL_EFFORT="XHIGH",
        BEDROCK_GUARDRAIL="abc123:DRAFT",
        BEDROCK_SERVICE_TIER="Flex",
        BEDROCK_LATENCY="OPTIMIZED",
        BEDROCK_PROMPT_CACHE="true",
        BEDROCK_STREAM="Always",
    )
    sampling = settings.sampling
    assert (sampling.thinking, sampling.effort, sampling.guardrail) == ("adaptive", "xhigh", "abc123:DRAFT")
    assert settings.service == Service("flex", "optimized", prompt_cache=True)
    assert settings.bedrock_stream == "always"
    assert load(MODEL_THINKING=" 2048 ").sampling.thinking == 2048


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_THINKING", "yes"),
        ("MODEL_THINKING", "0"),
        ("MODEL_THINKING", "-5"),
        ("MODEL_THINKING", "2048.5"),
        ("MODEL_EFFORT", "very much"),
        ("BEDROCK_SERVICE_TIER", "cheap"),
        ("BEDROCK_LATENCY", "fast"),
        ("BEDROCK_STREAM", "sometimes"),
        ("BEDROCK_PROMPT_CACHE", "maybe"),
        ("BEDROCK_GUARDRAIL", "abc123"),
        ("BEDROCK_GUARDRAIL", "abc123:latest"),
        ("BEDROCK_GUARDRAIL", "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123"),
    ],
)
def test_a_parameter_that_cannot_be_is_named_in_one_line(load: Load, name: str, value: str) -> None:
    with pytest.raises(UserError) as caught:
        load(**{name: value})
    assert str(caught.value).startswith(f"{name}: ") and "\n" not in str(caught.value)


def test_an_empty_sampling_parameter_is_not_sent_and_any_other_empty_variable_is_its_default(load: Load) -> None:
    every = "".join(f"{name}=\n" for name in variables())
    settings = load(every)
    assert (settings.sampling.temperature, settings.sampling.top_p) == (None, None)
    assert settings.runner_student_temperature is None
    left = {"model_temperature": None, "model_top_p": None, "runner_student_temperature": None}
    assert settings == Settings.model_construct(**left, local_backup_dir=settings.local_backup_dir)


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e999"])
def test_no_number_may_be_endless_or_none(load: Load, number: str) -> None:
    for name in ("INTER_RUN_DELAY", "CALL_DEADLINE_S", "GRACE_S", "HF_COMMIT_EVERY_S", "MODEL_TEMPERATURE"):
        with pytest.raises(UserError, match=f"^{name}: "):
            load(**{name: number})


def test_a_broken_line_of_the_env_file_is_named_by_its_number_and_never_shown(load: Load) -> None:
    with pytest.raises(UserError) as caught:
        load("# fine\nBATCH_SIZE 30\n\nMODEL_SEED=1\n\nHF_TOKEN: hf_secret\n")
    assert str(caught.value).splitlines() == [
        ".env:2: not of the form NAME=value; correct it",
        ".env:6: not of the form NAME=value; correct it",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("MAX_CONCURENCY=5", "MAX_CONCURRENCY"), ("JUDGE_MODEL=x", "JUDGE_MODELS"), ("MAX_COST_US=1", "MAX_COST_USD")],
)
def test_a_misspelt_variable_of_the_env_file_is_named_with_the_one_that_is_meant(
    load: Load, written: str, meant: str
) -> None:
    with pytest.raises(UserError) as caught:
        load(f"BATCH_SIZE=5\n{written}\nOPENAI_API_KEY=somebody-elses\n")
    assert str(caught.value).splitlines() == [
        f".env: {written.partition('=')[0]}: not a variable; {meant} is meant? Correct it"
    ]


def test_an_env_file_that_is_no_text_is_named(load: Load) -> None:
    with pytest.raises(UserError, match=r"^\.env: not UTF-8 text; save it as UTF-8$"):
        load(b"BATCH_SIZE=\xe9\n")


@pytest.mark.parametrize(("given", "meant"), [("~/runs", "home/runs"), ("runs", "runs"), ("/data/runs", "/data/runs")])
def test_the_backup_folder_is_where_the_user_would_expect_it(
    load: Load, tmp_path: Path, given: str, meant: str
) -> None:
    assert load(f"LOCAL_BACKUP_DIR={given}\n").local_backup_dir == tmp_path / meant


def test_known_secrets_are_the_values_of_secret_variables_and_the_account_numbers_in_names() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    environment = MADE_UP | {
        "SUBJECT_MODELS": f"{arn},amazon.nova-pro-v1:0",
        "BATCH_SIZE": "5",
        "AWS_SESSION_TOKEN": "",
    }
    environment["BEDROCK_ASSUME_ROLE_ARN"] = "arn:aws:iam::210987654321:role/research"
    assert sorted(known_secrets(environment)) == sorted([*MADE_UP.values(), "123456789012", "210987654321"])


def test_the_example_lists_every_variable_once_and_no_other() -> None:
    names = names_in(EXAMPLE.read_text())
    assert len(names) == len(set(names))
    assert set(names) >= OF_PROVIDERS
    ours = {name for name in names if not OF_OTHER_TOOLS.fullmatch(name)} - OF_PROVIDERS
    assert ours | {"AWS_REGION"} == set(variables())
    assert {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "HF_ENDPOINT"} <= set(names)


def test_the_example_explains_every_variable_in_one_line() -> None:
    text = EXAMPLE.read_text()
    for name, explanation in variables().items():
        assert explanation and re.search(rf"^# {re.escape(explanation)}\n#{name}=", text, re.MULTILINE), name


def test_the_example_shows_the_defaults(load: Load) -> None:
    shown = {name: value for name, value in dotenv_values(stream=uncommented(EXAMPLE)).items() if value}
    examples = {"SUBJECT_MODELS", "JUDGE_MODELS", "AWS_REGION"}
    assert load(**{name: value for name, value in shown.items() if name not in examples}) == load()  # type: ignore[arg-type]


def uncommented(path: Path) -> StringIO:
    return StringIO(re.sub(r"^#(?=[A-Z][A-Z0-9_]*=)", "", path.read_text(), flags=re.MULTILINE))


def test_a_copy_of_the_example_still_rehearses(project: Project) -> None:
    (project.root / ".env").write_bytes(EXAMPLE.read_bytes())
    ended = project.run()
    assert ended.code == 0 and "REHEARSAL" in ended.stderr and "Successful: 1" in ended.stdout


@pytest.mark.parametrize(("given", "missing"), [("HF_TOKEN", "HF_REPO_ID"), ("HF_REPO_ID", "HF_TOKEN")])
def test_only_one_of_token_and_dataset_is_refused(project: Project, given: str, missing: str) -> None:
    values = {"HF_TOKEN": MADE_UP["HF_TOKEN"], "HF_REPO_ID": "ada/results"}
    (line,) = refused(project, **{given: values[given]})
    assert line.startswith(f"{missing}: ") and MADE_UP["HF_TOKEN"] not in line


@pytest.mark.parametrize("placeholder", ["your-username/your-dataset", "your-name/your-dataset"])
def test_a_placeholder_is_no_dataset(project: Project, placeholder: str) -> None:
    (line,) = refused(project, HF_TOKEN=MADE_UP["HF_TOKEN"], HF_REPO_ID=placeholder)
    assert line.startswith("HF_REPO_ID: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "EXPERIMENT: there is no experiment 'nonsense' in experiments/; there is: dilemma"),
        (["--variants", "baseline,bribe"], "--variants: no such name: bribe; there is: baseline, authority_emphasis"),
        (["--scenarios", "moon"], "--scenarios: no such name: moon; there is: vault, no_conflict_truth"),
        (["--variants", ""], "--variants: no such name: (empty); there is: baseline"),
        (["--runs", "0"], "--runs: must be at least 1, is 0"),
        (["--limit", "-3"], "--limit: must be at least 1, is -3"),
        (["--max-cost", "0"], "--max-cost: must be an amount in US dollars above 0, is 0"),
    ],
)
def test_an_unknown_name_or_number_on_the_command_line_runs_nothing(
    project: Project, arguments: list[str], told: str
) -> None:
    (line,) = refused(project, *arguments)
    assert line.startswith(told)


def test_subjects_that_records_could_not_tell_apart_are_refused(project: Project) -> None:
    profiles = [f"arn:aws:bedrock:us-east-1:{n}:inference-profile/us.maker.model" for n in ("1" * 12, "2" * 12)]
    (line,) = refused(project, SUBJECT_MODELS=",".join(profiles), JUDGE_MODELS="amazon.nova-lite-v1:0")
    assert line.startswith("SUBJECT_MODELS: two models differ only in their account number")


def test_a_named_model_or_credentials_never_fall_back_to_a_rehearsal(project: Project) -> None:
    named = refused(project, SUBJECT_MODELS="amazon.nova-pro-v1:0")
    assert [line.partition(":")[0] for line in named] == ["JUDGE_MODELS"]
    signed_in = refused(project, AWS_ACCESS_KEY_ID="AKIAEXAMPLEEXAMPLE00", AWS_SECRET_ACCESS_KEY="x" * 40)
    assert [line.partition(":")[0] for line in signed_in] == ["SUBJECT_MODELS", "JUDGE_MODELS"]
    elsewhere = refused(project, SUBJECT_MODELS="gemini:gemini-3-pro", JUDGE_MODELS="openai:gpt-6")
    assert [line.partition(":")[0] for line in elsewhere] == ["GOOGLE_AI_API_KEY", "OPENAI_API_KEY"]
