"""Which rows does a report stand on, which choices, and where does it go? Needs the runs' folders, nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.analysis.assemble import findings
from trialbed.analysis.derived import derived_choices
from trialbed.analysis.findings import Findings
from trialbed.analysis.labels import Label, read_labels
from trialbed.analysis.source import Source, source_of_run
from trialbed.core.canonical import digest
from trialbed.core.choices import Choices, choices_of
from trialbed.core.errors import UserError
from trialbed.engine.folder import RunFolder
from trialbed.plugins import Found, scan


class NothingToReport(UserError):
    """No trial has ended yet."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a report; None = as it was planned."""

    labels: Path | None = None
    equivalence_margin: float | None = None


def findings_of_runs(root: Path, folders: Sequence[RunFolder], asked: Asked) -> Findings:
    """What the runs say, taken together.

    Raises:
        UserError: a run is damaged, the runs must not be pooled, or there is nothing to report.
    """
    sources = [source_of_run(folder.path, folder.read_plan()) for folder in folders]
    return findings_of(root, sources, asked, source=", ".join(folder.name for folder in folders))


def findings_of(root: Path, sources: Sequence[Source], asked: Asked, *, source: str) -> Findings:
    """What these sources say.

    Raises:
        NothingToReport: they hold no record.
        UserError: they must not be pooled.
    """
    if not any(one.rows for one in sources):
        raise NothingToReport(f"RUN: {source}: no trial has ended yet, so there is nothing to report")
    choices, decided = _choices(root, sources)
    if asked.equivalence_margin is not None:
        choices = choices.model_copy(update={"equivalence_margin": _margin(asked.equivalence_margin)})
    labels: list[Label] = [] if asked.labels is None else read_labels(asked.labels, choices.measures)
    return findings(sources, choices, choices_from=decided, source=source, labels=labels)


def report_folder(backups: Path, folders: Sequence[RunFolder]) -> Path:
    """Beside the journal of a single run; several have a folder of their own."""
    if len(folders) == 1:
        return folders[0].path / "report"
    names = sorted(folder.name for folder in folders)
    return backups / "reports" / f"{len(names)}-runs-{digest(names)[:8]}"


def dataset_report_folder(backups: Path, repo_id: str) -> Path:
    return backups / "reports" / repo_id.replace("/", "--")


def _margin(margin: float) -> float:
    if not margin > 0:
        raise UserError(f"--equivalence: must be a difference above 0, is {margin:g}")
    return margin


def _choices(root: Path, sources: Sequence[Source]) -> tuple[Choices, str]:
    """Those of the newest plan that has any; else the experiment's; else what the evaluations look like."""
    stored = next((one.choices for one in reversed(sources) if one.choices is not None), None)
    if stored is not None:
        choices = _read(stored)
        if choices.measures:
            return choices, "plan"
    baseline, seed = _baseline(sources), _seed(sources)
    found = _experiment(root, sources[-1].info.experiment)
    if found is not None:
        choices = choices_of(found.experiment, baseline=baseline or found.baseline, seed=seed)
        if choices.measures:
            return choices, "experiment"
    rows = [row for one in sources for _, row in sorted(one.rows.items())]
    variants = sorted({row.variant for row in rows})
    assumed = "baseline" if "baseline" in variants else variants[0]
    return derived_choices(rows, baseline=baseline or (found.baseline if found else assumed), seed=seed), "data"


def _read(stored: Mapping[str, Any]) -> Choices:
    try:
        return Choices.model_validate(stored)
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise UserError(f"plan.json: analysis: not readable ({first}); restore the file") from None


def _baseline(sources: Sequence[Source]) -> str | None:
    return next((one.baseline for one in reversed(sources) if one.baseline is not None), None)


def _seed(sources: Sequence[Source]) -> int:
    plans = [one.info.plan for one in sources if one.info.plan is not None]
    return int(plans[-1]["seed"]) if plans else 0


def _experiment(root: Path, name: str) -> Found | None:
    """The experiment's code, if this project has it; a broken file elsewhere must not hide a report."""
    try:
        return scan(root).experiments.get(name)
    except UserError:
        return None
