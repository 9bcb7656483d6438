"""What is in experiments/? One Python file or package each, loaded and looked over before anything runs.

They are loaded as parts of one package of that folder, so that several can share code: `from .._shared import …` finds
`experiments/_shared`. Names that begin with an underscore are no experiments.
"""

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

from trialbed.core.experiment import Experiment, Scenario, Variant
from trialbed.plugins.broken import Broken, place, python_problem

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Names of experiments and ids of variants: they become parts of file names."""


_PACKAGE = "trialbed_experiments"


def open_package(root: Path) -> None:
    """Make `root/experiments` the package that `load_experiment` loads into, in the place of any other project's."""
    for name in [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]:
        del sys.modules[name]
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(root / "experiments")]
    sys.modules[_PACKAGE] = package


def experiment_files(root: Path) -> tuple[list[Path], list[str]]:
    """The files to load, by name; and a line for each folder that looks like an experiment but is no package."""
    folder = root / "experiments"
    files = [path for path in folder.glob("*.py") if not path.name.startswith(("_", "."))]
    folders = [path for path in sorted(folder.glob("*/")) if not path.name.startswith(("_", "."))]
    packages = [path / "__init__.py" for path in folders if (path / "__init__.py").is_file()]
    stray = [path for path in folders if path / "__init__.py" not in packages and any(path.glob("*.py"))]
    problems = [f"{place(path, root)}/: holds Python files but no __init__.py; add one" for path in stray]
    return sorted([*files, *packages]), problems


def load_experiment(path: Path, root: Path) -> Experiment:
    """The experiment that a file ends with.

    Raises:
        Broken: it has none, or one that cannot be run.
    """
    is_package = path.name == "__init__.py"
    module_name = f"{_PACKAGE}.{path.parent.name if is_package else path.stem}"
    where = [str(path.parent)] if is_package else None
    spec = importlib.util.spec_from_file_location(module_name, path, submodule_search_locations=where)
    if spec is None or spec.loader is None:
        raise Broken(f"{place(path, root)}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # an author's file may fail in any way; it is named, not skipped
        raise Broken(python_problem(error, path, root)) from None
    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        raise Broken(f"{place(path, root)}: must end with 'experiment = YourExperiment()'")
    for attribute in ("name", "version"):
        value = getattr(experiment, attribute, None)
        if not isinstance(value, str) or not ID.fullmatch(value):
            raise Broken(f"{place(path, root)}: {attribute} must be a short text without spaces, is {value!r}")
    if not (isinstance(experiment.variant, type) and issubclass(experiment.variant, Variant)):
        raise Broken(f"{place(path, root)}: variant must be a subclass of trialbed.Variant")
    return experiment


def scenarios_of(experiment: Experiment, path: Path, root: Path) -> tuple[Scenario, ...]:
    """The experiment's scenarios, each id once.

    Raises:
        Broken: they cannot be had, or could not be told apart.
    """
    try:
        scenarios = tuple(experiment.scenarios())
    except Exception as error:  # an author's code may fail in any way; it is named, not skipped
        raise Broken(python_problem(error, path, root)) from None
    if not all(isinstance(scenario, Scenario) for scenario in scenarios):
        raise Broken(f"{place(path, root)}: scenarios() must give Scenario objects")
    ids = Counter(scenario.id for scenario in scenarios)
    if not ids:
        raise Broken(f"{place(path, root)}: scenarios() names no scenario")
    if twice := [name for name, count in ids.items() if count > 1]:
        raise Broken(f"{place(path, root)}: two scenarios are named {twice[0]!r}; rename one")
    if unknown := [name for name in experiment.default_scenarios or () if name not in ids]:
        raise Broken(f"{place(path, root)}: default_scenarios: no such scenario: {', '.join(unknown)}")
    return scenarios
