"""What do settings, flags and data set say together? Read and checked once, before anything is planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from trialbed.app.checks import hub_problems
from trialbed.app.execution.sampling import choose_sampling
from trialbed.app.execution.wanted import ExecutionWanted, Task, TaskWanted
from trialbed.app.known import known_of
from trialbed.app.prepare import limit_of, prices_of_project, read_project
from trialbed.choose import REHEARSAL_SUBJECT
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName, Sampling
from trialbed.material import is_on_hub, rows_of
from trialbed.plugins import Catalog
from trialbed.providers.bedrock.credentials import has_credentials_offline
from trialbed.providers.bedrock.prices import PriceList
from trialbed.providers.bedrock.streaming import SLOW_TOKENS_PER_S
from trialbed.providers.names import parse_model, parse_models
from trialbed.settings import Settings

SHIPPED = "the problems that come with trialbed"
_ONLY_READS = "HF_TOKEN reads the data set; nothing is uploaded, since HF_REPO_ID is not set"


@dataclass(frozen=True)
class Asked:
    """`rows` None = the experiments' own problems. `notices` say which defaults gave way to what the model takes."""

    wanted: ExecutionWanted
    settings: Settings
    catalog: Catalog
    subject: ModelName
    why_rehearsal: str | None
    prices: PriceList
    limit_usd: float | None
    samplings: Mapping[Task, Sampling]
    notices: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]] | None
    dataset: str
    output_dir: Path

    def settings_of(self, task: TaskWanted) -> Settings:
        """The settings with what the flags of a task replace."""
        sampling = self.samplings[task.task]
        replaced = {
            "model_max_tokens": sampling.max_tokens,
            "model_temperature": sampling.temperature,
            "model_top_p": sampling.top_p,
            "model_thinking": sampling.thinking,
            "model_seed": task.seed,
        }
        return self.settings.model_copy(update=replaced)


def read_asked(root: Path, wanted: ExecutionWanted) -> Asked:
    """Everything the plans need. Of the network only the data set is read, and last.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    settings = settings.model_copy(update=_overrides(wanted))
    token, only_reads = settings.hf_token, _only_reads(settings, wanted)
    if only_reads:
        settings = settings.model_copy(update={"hf_token": None})
    problems = [*hub_problems(settings), *_number_problems(wanted)]
    subject, why_rehearsal = _subject(settings, wanted, problems)
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    prices = prices_of_project(settings, problems)
    samplings, notices = _samplings(settings, wanted, subject, problems)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return Asked(
        wanted=wanted,
        settings=settings,
        catalog=catalog,
        subject=subject,
        why_rehearsal=why_rehearsal,
        prices=prices,
        limit_usd=limit_usd,
        samplings=samplings,
        notices=(*notices, *([_ONLY_READS] if only_reads else [])),
        rows=_rows(token, wanted),
        dataset=wanted.dataset or SHIPPED,
        output_dir=wanted.output_dir or settings.local_backup_dir / "execution",
    )


def _overrides(wanted: ExecutionWanted) -> dict[str, Any]:
    """Settings that flags of the whole command replace."""
    given = {"aws_region": wanted.region, "bedrock_latency": wanted.latency_profile}
    return {name: value for name, value in given.items() if value is not None}


def _subject(settings: Settings, wanted: ExecutionWanted, problems: list[str]) -> tuple[ModelName, str | None]:
    """The model under test and, if it is rehearsed for want of any configuration, why."""
    if wanted.model_id is not None:
        return parse_model(wanted.model_id), None
    named = parse_models(settings.subject_models)
    if len(named) == 1:
        return named[0], None
    if named:
        problems.append(f"--model-id: SUBJECT_MODELS names {len(named)} models, and this command runs one; name it")
        return named[0], None
    if has_credentials_offline():
        problems.append(
            "--model-id: no model is named, and nothing falls back to a rehearsal when credentials are set; name one, "
            "e.g. --model-id us.anthropic.claude-sonnet-4-5-20250929-v1:0, or rehearsal:subject"
        )
    return REHEARSAL_SUBJECT, "no model is named and no AWS credentials are set"


def _samplings(
    settings: Settings, wanted: ExecutionWanted, subject: ModelName, problems: list[str]
) -> tuple[dict[Task, Sampling], list[str]]:
    """The parameters of each task, and which defaults gave way. Adds to `problems`."""
    found: dict[Task, Sampling] = {}
    notices: list[str] = []
    for task in wanted.tasks:
        chosen = choose_sampling(
            task,
            wanted,
            known_of(subject),
            service=settings.service,
            effort=settings.model_effort,
            guardrail=settings.bedrock_guardrail,
            drops=settings.on_unsupported == "drop",
        )
        found[task.task] = chosen.sampling
        notices += chosen.notices
        problems += chosen.problems
        notices += _late(task, chosen.sampling, settings)
    return found, notices


def _late(task: TaskWanted, sampling: Sampling, settings: Settings) -> list[str]:
    """A word on answers that a call's deadline may cut off, generated and paid."""
    longest_s = sampling.max_tokens / SLOW_TOKENS_PER_S
    if longest_s <= settings.call_deadline_s:
        return []
    return [
        f"CALL_DEADLINE_S: a slow model may take {longest_s:.0f} s for {task.prefix}-max-tokens {sampling.max_tokens}, "
        f"and a call is given up after {settings.call_deadline_s:.0f} s, paid; raise it"
    ]


def _number_problems(wanted: ExecutionWanted) -> list[str]:
    found = [problem for task in wanted.tasks for problem in task.problems()]
    if wanted.compare_reasoning and wanted.comparison_samples < 1:
        found.append(f"--comparison-samples: must be at least 1, is {wanted.comparison_samples}")
    for flag, value in (
        ("--galileo-project", wanted.galileo_project),
        ("--galileo-log-stream", wanted.galileo_log_stream),
    ):
        if value is not None and not wanted.enable_galileo:
            found.append(f"{flag}: says nothing without --enable-galileo; add it, or leave this out")
    return found


def _only_reads(settings: Settings, wanted: ExecutionWanted) -> bool:
    """Whether the Hub's token is there for the data set alone: no place for uploads is named."""
    named = wanted.dataset
    return settings.hf_token is not None and settings.hf_repo_id is None and named is not None and is_on_hub(named)


def _rows(token: SecretStr | None, wanted: ExecutionWanted) -> list[Mapping[str, Any]] | None:
    if wanted.dataset is None:
        return None
    return rows_of(wanted.dataset, split=wanted.split, token=None if token is None else token.get_secret_value())
