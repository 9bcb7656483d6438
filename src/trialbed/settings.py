"""What did the user ask for? Environment and the project's own `.env`, read once, then frozen."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from trialbed.core.errors import UserError
from trialbed.core.model import Sampling, Service
from trialbed.core.redact import ACCOUNT_IN_ARN, HEADER_VARIABLES, SECRET_VARIABLES, header_secrets

_EMPTY_MEANS_UNSET = {"model_temperature", "model_top_p", "runner_student_temperature"}
"""Set to nothing, these are left to the model; all other empty variables mean their default."""
_ANY_CASE = (
    "log_level",
    "hf_layout",
    "on_unsupported",
    "model_effort",
    "bedrock_service_tier",
    "bedrock_latency",
    "bedrock_stream",
)
_NEAR = 0.9
"""Of two names, in the measure of difflib: JUDGE_MODEL and JUDGE_MODELS, MAX_CONCURENCY and MAX_CONCURRENCY."""
_HOLD_ACCOUNTS = (
    "SUBJECT_MODELS",
    "JUDGE_MODELS",
    "BEDROCK_MODEL_IDS",
    "RUNNER_JUDGE_MODEL",
    "RUNNER_STUDENT_MODEL",
    "RUNNER_S3_KMS_KEY_ID",
    "BEDROCK_ASSUME_ROLE_ARN",
    "BEDROCK_GUARDRAIL",
    "AWS_ROLE_ARN",
)


class Settings(BaseSettings):
    """Every variable trialbed reads, beside those that AWS and Hub tools read themselves."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", protected_namespaces=(), allow_inf_nan=False)

    experiment: str = Field("dilemma", description="which experiment to run")
    batch_mode: bool = Field(
        False, description="false: one trial of the baseline variant; true: all variants x BATCH_SIZE"
    )
    batch_size: int = Field(5, ge=1, description="runs per variant in batch mode")
    inter_run_delay: float = Field(0.0, ge=0, description="least seconds between trial starts, per subject; 0 = off")
    subject_models: str = Field(
        "", description="models under test, csv of provider:model (provider bedrock if left out)"
    )
    judge_models: str = Field("", description="models that rate, csv of provider:model")
    judge_repeat_share: float = Field(
        0.0, ge=0, le=1, description="share of trials that every judge rates a second time, 0 to 1; 0 = none"
    )
    max_concurrency: int = Field(20, ge=1, le=10_000, description="most calls in flight at a time")
    quota_rpm: float | None = Field(
        None, gt=0, description="requests per minute and model, if you know your quota; leave out to have it learnt"
    )
    quota_tpm: float | None = Field(
        None, gt=0, description="tokens per minute and model, if you know your quota; leave out to have it learnt"
    )
    model_temperature: float | None = Field(
        0.7, ge=0, le=2, description="subject's temperature; empty = leave it to the model"
    )
    model_top_p: float | None = Field(0.95, gt=0, le=1, description="subject's top_p; empty = leave it to the model")
    model_seed: int = Field(
        42, ge=0, lt=2**63, description="seed of order, shuffles and rehearsal (Converse itself has none)"
    )
    model_max_tokens: int = Field(500, ge=1, description="subject's most tokens per reply")
    model_thinking: int | Literal["adaptive"] | None = Field(
        None, description="subject's thinking: adaptive, or the most tokens it may think; leave out for none"
    )
    model_effort: str | None = Field(
        None, pattern=r"^[a-z][a-z_-]{0,31}$", description="subject's effort: low, medium, high, xhigh or max"
    )
    max_cost_usd: float | None = Field(
        None,
        gt=0,
        description="most that a run may cost in US dollars, judges included; the run pauses when it is reached",
    )
    prices_file: Path | None = Field(None, description="TOML file whose prices win over those that come with trialbed")
    call_deadline_s: float = Field(
        600.0, gt=0, description="seconds after which one call, attempts included, is given up"
    )
    call_attempts: int = Field(100, ge=1, description="most attempts at one call, throttled ones included")
    run_deadline_s: float | None = Field(
        None, gt=0, description="seconds after which no new trial starts; the same command goes on later"
    )
    run_retries: int | None = Field(
        None,
        ge=0,
        description="retries a run may make after errors other than throttles; default twice its trials, at least 100",
    )
    grace_s: float = Field(30.0, ge=0, description="seconds that calls in flight are given after the first signal")
    hf_commit_every_s: float = Field(300.0, ge=0, description="seconds between uploads to the Hub")
    local_backup_enabled: bool = Field(True, description="one readable file per record beside the journal")
    local_backup_dir: Path = Field(Path("local_backups"), description="where runs and backups are kept")
    hf_token: SecretStr | None = Field(None, description="Hub token that may write; leave out for no upload")
    hf_repo_id: str | None = Field(None, description="Hub dataset, your-name/your-dataset; leave out for no upload")
    hf_layout: Literal["shards", "append"] = Field("shards", description="shards, or append for one game_logs.jsonl")
    hf_private: bool = Field(True, description="make and keep the dataset private")
    on_unsupported: Literal["refuse", "drop"] = Field(
        "refuse", description="a parameter the model will not take: refuse or drop"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    aws_region: str | None = Field(None, description="region of Bedrock")
    bedrock_service_tier: Literal["default", "flex", "priority", "reserved"] | None = Field(
        None, description="tier in which subjects and judges are served: default, flex, priority or reserved"
    )
    bedrock_latency: Literal["standard", "optimized"] | None = Field(
        None, description="latency profile of subjects and judges: standard or optimized"
    )
    bedrock_prompt_cache: bool = Field(False, description="have the shared beginning of conversations cached")
    bedrock_stream: Literal["auto", "always", "never"] = Field(
        "auto", description="stream answers: auto (those that may take over five minutes), always or never"
    )
    bedrock_guardrail: str | None = Field(
        None,
        pattern=r"^(?:[a-z0-9]+|arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+):(?:[1-9]\d{0,7}|DRAFT)$",
        description="guardrail of subjects, id:version; the id may be an ARN",
    )
    bedrock_assume_role_arn: str | None = Field(None, description="role to assume for Bedrock; renewed by itself")
    bedrock_assume_role_external_id: SecretStr | None = Field(
        None, description="external id that the role's trust policy asks for"
    )
    bedrock_model_ids: str = Field(
        "", description="models that 'trialbed socratic' may run, a JSON array of ids: [\"amazon.nova-pro-v1:0\"]"
    )
    runner_default_turns: int = Field(
        40, ge=1, le=1_000, description="most turns of a dialogue with a student, if --turns does not say"
    )
    runner_judge_model: str = Field(
        "anthropic.claude-3-5-sonnet-20241022-v1:0", description="model that judges the turns of 'trialbed socratic'"
    )
    runner_student_model: str | None = Field(
        None, description="model that plays the student, or scripted; default the first other of BEDROCK_MODEL_IDS"
    )
    runner_student_temperature: float | None = Field(
        0.7, ge=0, le=2, description="student's temperature; empty = leave it to the model"
    )
    runner_s3_bucket: str | None = Field(None, description="S3 bucket for turns, verdicts and summaries as JSON files")
    runner_s3_prefix: str = Field("", description="what the names of all files in the bucket begin with, e.g. tutors/")
    runner_s3_encryption: Literal["AES256", "aws:kms"] | None = Field(
        None, description="server-side encryption of these files: AES256 or aws:kms; leave out for the bucket's own"
    )
    runner_s3_kms_key_id: str | None = Field(None, description="key for aws:kms; leave out for the account's own")

    benchmark_models: str = Field(
        "", description="models that 'trialbed throughput' measures, csv of ids, if --models does not say"
    )
    benchmark_models_url: str | None = Field(
        None, description="address of a JSON list of models that 'trialbed throughput' measures, instead of these"
    )
    benchmark_models_token: SecretStr | None = Field(None, description="bearer token for that list")

    bench_timeout_s: float = Field(
        60.0, gt=0, description="seconds after which 'trialbed rent' gives up one attempt at a call"
    )
    bench_max_retries: int = Field(
        3, ge=0, description="most retries of one call of 'trialbed rent' after errors other than throttles"
    )

    ingest_api_url: str | None = Field(
        None, description="address of your results server, https; leave out to send nothing"
    )
    ingest_api_key: SecretStr | None = Field(None, description="its key, sent as X-API-Key")
    ingest_batch_size: int = Field(
        1, ge=1, le=500, description="results a request: 1, or more if the server takes JSON arrays"
    )

    galileo_api_key: SecretStr | None = Field(
        None, description="key for Galileo, which --enable-galileo sends traces to"
    )
    galileo_console_url: str = Field("https://app.galileo.ai", description="Galileo's address in a browser")
    galileo_project: str = Field("trialbed", description="Galileo project, if --galileo-project does not say")
    galileo_log_stream: str = Field("default", description="Galileo log stream, if --galileo-log-stream does not say")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        blank = {key for key, value in data.items() if isinstance(value, str) and not value.strip()}
        kept = {key: value for key, value in data.items() if key not in blank}
        return {**kept, **{key: None for key in blank & _EMPTY_MEANS_UNSET}}

    @field_validator("model_thinking", mode="before")
    @classmethod
    def _thinking(cls, value: Any) -> Any:
        said = str(value).strip().lower()
        if value is None or said == "adaptive":
            return None if value is None else said
        if said.isascii() and said.isdigit() and 0 < int(said) < 2**31:
            return int(said)
        raise PydanticCustomError("thinking", "Must be adaptive, or a number of tokens, e.g. 2048")

    @field_validator(*_ANY_CASE, mode="before")
    @classmethod
    def _any_case(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        return value.upper() if info.field_name == "log_level" else value.lower()

    @property
    def sampling(self) -> Sampling:
        return Sampling(
            self.model_max_tokens,
            self.model_temperature,
            self.model_top_p,
            thinking=self.model_thinking,
            effort=self.model_effort,
            guardrail=self.bedrock_guardrail,
        )

    @property
    def service(self) -> Service:
        """How the calls of subjects and judges are served."""
        return Service(self.bedrock_service_tier, self.bedrock_latency, self.bedrock_prompt_cache)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `.env` is loaded into the environment first, because AWS and Hub libraries read it from there.
        return (env_settings,)


def load_settings(root: Path) -> Settings:
    """Read `.env` of the project root (the shell wins), then all variables.

    Raises:
        UserError: one line for every variable that is wrong, all at once.
    """
    for name, value in _read_env_file(root / ".env").items():
        os.environ.setdefault(name, value)
    if "AWS_REGION" not in os.environ and "AWS_DEFAULT_REGION" in os.environ:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"]
    try:
        settings = Settings()
    except ValidationError as error:
        raise UserError("\n".join(_line(problem) for problem in error.errors(include_url=False))) from None
    # `.env` is read by no shell that would have replaced the ~.
    prices = settings.prices_file
    return settings.model_copy(
        update={
            "local_backup_dir": root / settings.local_backup_dir.expanduser(),
            "prices_file": None if prices is None else root / prices.expanduser(),
        }
    )


def _read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env`; none if there is no such file.

    Raises:
        UserError: it cannot be read, a line of it is no assignment, or a name is misspelt. Lines are not
            shown: they may hold secrets.
    """
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}); make it readable for you") from None
    if lines := [_line_of(statement) for statement in parse_stream(StringIO(text)) if statement.error]:
        raise UserError("\n".join(f"{path.name}:{line}: not of the form NAME=value; correct it" for line in lines))
    found = {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}
    if near := [(name, meant) for name in found if (meant := _meant(name)) is not None]:
        raise UserError(
            "\n".join(f"{path.name}: {name}: not a variable; {meant} is meant? Correct it" for name, meant in near)
        )
    return found


def _meant(name: str) -> str | None:
    """The variable of ours that `name` is one slip of the hand away from; what is far from all is somebody else's."""
    ours = variables()
    close = [] if name in ours else get_close_matches(name, ours, n=1, cutoff=_NEAR)
    return close[0] if close else None


def _line_of(statement: Binding) -> int:
    """Where a statement begins; the empty lines before it are taken for a part of it."""
    whole = statement.original.string
    return statement.original.line + whole[: len(whole) - len(whole.lstrip())].count("\n")


def known_secrets(environment: Mapping[str, str]) -> list[str]:
    """Values that must never be written down: secrets, and account numbers in the names of models and roles."""
    secrets = [environment[name] for name in SECRET_VARIABLES if environment.get(name)]
    secrets += [value for name in HEADER_VARIABLES for value in header_secrets(environment.get(name, ""))]
    accounts = {number for name in _HOLD_ACCOUNTS for number in ACCOUNT_IN_ARN.findall(environment.get(name, ""))}
    return [*secrets, *sorted(accounts)]


def variables() -> dict[str, str]:
    """Every variable of `Settings` with its one-line description."""
    return {name.upper(): field.description or "" for name, field in Settings.model_fields.items()}


def _line(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()
    given = problem.get("input")
    shown = "" if name in SECRET_VARIABLES or given is None else f" (is {str(given)[:60]!r})"
    return f"{name}: {problem['msg'][0].lower()}{problem['msg'][1:]}{shown}; correct it in .env or the shell"
