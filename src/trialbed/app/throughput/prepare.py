"""What is going to be measured, and how? Settings, command line and catalog made into the plan of one cycle."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from trialbed.app.checks import hub_problems
from trialbed.app.ingest import ingest_is_wanted, ingest_problems
from trialbed.app.prepare import Prepared, analysis_of, limit_of, prices_of_project, read_project
from trialbed.app.roster import Roster
from trialbed.app.throughput.expected import listed_models, named_models
from trialbed.app.throughput.remote import RemoteList
from trialbed.app.throughput.wanted import EXPERIMENT, MAX_TOKENS, TEMPERATURE, ThroughputWanted
from trialbed.choose import Choice, choose_plan
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName
from trialbed.plugins import Found
from trialbed.providers.bedrock.prices import PriceList
from trialbed.settings import Settings

_REHEARSAL = "rehearsal"
_SHARE_OF_TIME = 0.95
_SHARE_OF_PATIENCE = 0.9


@dataclass(frozen=True)
class Measuring:
    """Everything that decides the measurements but the models, which a list on the web may change.

    `patience_s` bounds each call with all its waiting, so that a cycle is over before the next one begins.
    """

    root: Path
    wanted: ThroughputWanted
    settings: Settings
    found: Found
    prices: PriceList
    limit_usd: float | None
    remote: RemoteList | None
    patience_s: float

    @property
    def provider(self) -> str:
        return self.wanted.provider.strip().lower()

    @cached_property
    def named(self) -> Roster:
        """The models that are named here, not on the web.

        Raises:
            UserError: they are in a roster file that cannot be read.
        """
        return named_models(self.wanted.models or self.settings.benchmark_models, self.provider, self.root)

    def listed(self, entries: list[tuple[str | None, str]]) -> tuple[ModelName, ...]:
        return listed_models(entries, self.provider)

    def prepared(self, models: tuple[ModelName, ...]) -> Prepared:
        """The plan of one cycle.

        Raises:
            UserError: an unknown variant was named, or two models cannot be told apart.
        """
        variants = self.wanted.variants or (self.found.baseline,)
        # The same models in another order are the same plan, and go on in the same run.
        subjects = sorted(models, key=str)
        plan = choose_plan(self.settings, self.found, Choice(variants=variants, runs=1), subjects=subjects, judges=())
        return Prepared(
            self.root,
            self.settings,
            self.found,
            plan,
            analysis_of(self.found, plan),
            None,
            self.prices,
            self.limit_usd,
            ceilings=self.named.ceilings,
        )


def prepare_measuring(root: Path, wanted: ThroughputWanted) -> Measuring:
    """Read settings and files. No network.

    Raises:
        UserError: one line for each thing that is wrong.
    """
    settings, catalog = read_project(root)
    found = catalog.find(EXPERIMENT)
    problems = [*wanted.problems(), *hub_problems(settings), *_ingest_problems(settings, wanted)]
    remote = _remote(settings)
    if remote is not None and (problem := remote.problem()):
        problems.append(problem)
    if not wanted.provider.strip():
        problems.append("--provider: is empty; name one, e.g. --provider bedrock")
    settings = _overridden(settings, wanted)
    patience_s = _patience_s(settings, wanted, found)
    limit_usd = limit_of(settings, wanted.max_cost_usd, problems)
    prices = prices_of_project(settings, problems)
    measuring = Measuring(
        root,
        wanted,
        settings.model_copy(update={"call_deadline_s": patience_s * _SHARE_OF_PATIENCE}),
        found,
        prices,
        limit_usd,
        remote,
        patience_s,
    )
    problems += _model_problems(measuring)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return measuring


def _model_problems(measuring: Measuring) -> list[str]:
    try:
        named = measuring.named.models
    except UserError as error:
        return [str(error)]
    if named or measuring.remote is not None:
        return []
    return ["--models: no model is named; name some, csv of ids, here or in BENCHMARK_MODELS, or BENCHMARK_MODELS_URL"]


def _ingest_problems(settings: Settings, wanted: ThroughputWanted) -> list[str]:
    """Results have a place to go to; only rehearsed ones go nowhere."""
    problems = ingest_problems(settings)
    if not problems and not ingest_is_wanted(settings) and wanted.provider.strip().lower() != _REHEARSAL:
        problems += [
            "INGEST_API_URL: not set; name the address that results are sent to",
            "INGEST_API_KEY: not set; set the key for it",
        ]
    return problems


def _remote(settings: Settings) -> RemoteList | None:
    if settings.benchmark_models_url is None:
        return None
    token = settings.benchmark_models_token
    return RemoteList(
        settings.benchmark_models_url,
        None if token is None else token.get_secret_value(),
        settings.local_backup_dir,
    )


def _overridden(settings: Settings, wanted: ThroughputWanted) -> Settings:
    """The settings with the command's own parameters: what the command line says, else the environment, else its
    defaults. Where no temperature was asked for, a model that takes none is measured without."""
    said = settings.model_fields_set
    update: dict[str, Any] = {
        "model_max_tokens": _first(
            wanted.max_tokens, settings.model_max_tokens, MAX_TOKENS, "model_max_tokens" in said
        ),
        "model_top_p": settings.model_top_p if "model_top_p" in said else None,
    }
    if wanted.temperature is not None or "model_temperature" in said:
        update["model_temperature"] = settings.model_temperature if wanted.temperature is None else wanted.temperature
    else:
        update |= {"model_temperature": TEMPERATURE, "on_unsupported": "drop"}
    if wanted.debug:
        update["log_level"] = "DEBUG"
    return settings.model_copy(update=update)


def _first(given: int | None, of_settings: int, default: int, is_said: bool) -> int:
    if given is not None:
        return given
    return of_settings if is_said else default


def _patience_s(settings: Settings, wanted: ThroughputWanted, found: Found) -> float:
    """How long a call may take with all its waiting: of a daemon, such that a model's calls of one cycle, one after
    another, are over before the next."""
    if not wanted.daemon:
        return settings.call_deadline_s / _SHARE_OF_PATIENCE
    names = wanted.variants or (found.baseline,)
    chosen = [variant for variant in found.variants if variant.id in names]
    calls = sum(1 + (getattr(variant, "warm_up", None) is not None) for variant in chosen)
    share_s = wanted.interval_s * _SHARE_OF_TIME / max(1, calls)
    return min(settings.call_deadline_s / _SHARE_OF_PATIENCE, share_s)


def grown(prepared: Prepared, repeats: int) -> Prepared:
    """The same with so many cycles."""
    return replace(prepared, plan=replace(prepared.plan, repeats=repeats))
