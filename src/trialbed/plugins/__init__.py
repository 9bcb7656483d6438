"""Which experiments and variants are there? Scans two folders and returns a value; keeps no registry.

A broken file is named with its line and refuses everything: nothing is skipped in silence.
"""

from dataclasses import dataclass
from pathlib import Path

from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment, Scenario, Variant
from trialbed.plugins.broken import Broken, place
from trialbed.plugins.experiments import experiment_files, load_experiment, open_package, scenarios_of
from trialbed.plugins.variants import variants_of


@dataclass(frozen=True)
class Found:
    """One experiment with its scenarios and variants, baseline first; `notes` are worth telling the user once.

    `file` is the one that ends with it.
    """

    experiment: Experiment
    file: Path
    scenarios: tuple[Scenario, ...]
    variants: tuple[Variant, ...]
    baseline: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalog:
    experiments: dict[str, Found]

    def find(self, name: str) -> Found:
        """The experiment of that name.

        Raises:
            UserError: there is none; the message names those there are.
        """
        if name not in self.experiments:
            known = ", ".join(self.experiments) or "none at all"
            raise UserError(f"EXPERIMENT: there is no experiment {name!r} in experiments/; there is: {known}")
        return self.experiments[name]


def scan(root: Path) -> Catalog:
    """Load every experiment under `root/experiments` and every variant under `root/variants`.

    Raises:
        UserError: one line for each broken file.
    """
    found: dict[str, Found] = {}
    problems: list[str] = []
    files, stray = experiment_files(root)
    problems += stray
    open_package(root)
    for path in files:
        try:
            experiment = load_experiment(path, root)
            if experiment.name in found:
                raise Broken(f"{place(path, root)}: there is another experiment named {experiment.name!r}; rename one")
            scenarios = scenarios_of(experiment, path, root)
            variants, baseline, notes = variants_of(experiment, root)
            found[experiment.name] = Found(experiment, path, scenarios, variants, baseline, notes)
        except Broken as broken:
            problems += broken.lines
    if problems:
        raise UserError("\n".join(problems))
    if not found:
        raise UserError(
            f"experiments/: no experiment found under {root.name or root}/; start trialbed in a project folder"
        )
    return Catalog(found)


def project_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `experiments/`; else `start` itself."""
    return next((folder for folder in (start, *start.parents) if (folder / "experiments").is_dir()), start)
