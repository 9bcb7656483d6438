"""Which experiments and variants are there? Scans two folders and returns a value; keeps no registry.

A broken file is named with its line and refuses everything: nothing is skipped in silence.
"""

import importlib.util
import re
import sys
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from trialbed.core.errors import UserError
from trialbed.core.experiment import Experiment, Variant

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Found:
    """One experiment with its variants, baseline first by rule; `notes` are worth telling the user once."""

    experiment: Experiment
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


class _Broken(Exception):
    """One file cannot be used; the text is the whole line for the user."""


def scan(root: Path) -> Catalog:
    """Load every experiment under `root/experiments` and every variant under `root/variants`.

    Raises:
        UserError: one line for each broken file.
    """
    found: dict[str, Found] = {}
    problems: list[str] = []
    for path in _experiment_files(root / "experiments"):
        try:
            experiment = _load_experiment(path, root)
            if experiment.name in found:
                raise _Broken(
                    f"{_place(path, root)}: there is another experiment named {experiment.name!r}; rename one"
                )
            found[experiment.name] = _with_variants(experiment, root, problems)
        except _Broken as broken:
            problems.append(str(broken))
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


def _experiment_files(folder: Path) -> list[Path]:
    files = [path for path in folder.glob("*.py") if not path.name.startswith(("_", "."))]
    packages = [path for path in folder.glob("*/__init__.py") if not path.parent.name.startswith(("_", "."))]
    return sorted([*files, *packages])


def _load_experiment(path: Path, root: Path) -> Experiment:
    is_package = path.name == "__init__.py"
    stem = path.parent.name if is_package else path.stem
    module_name = f"trialbed_experiments_{stem}"
    where = [str(path.parent)] if is_package else None
    spec = importlib.util.spec_from_file_location(module_name, path, submodule_search_locations=where)
    if spec is None or spec.loader is None:
        raise _Broken(f"{_place(path, root)}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # an author's file may fail in any way; it is named, not skipped
        raise _Broken(_python_problem(error, path, root)) from None
    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        raise _Broken(f"{_place(path, root)}: must end with 'experiment = YourExperiment()'")
    for attribute in ("name", "version"):
        value = getattr(experiment, attribute, None)
        if not isinstance(value, str) or not _ID.fullmatch(value):
            raise _Broken(f"{_place(path, root)}: {attribute} must be a short text without spaces, is {value!r}")
    return experiment


def _python_problem(error: Exception, path: Path, root: Path) -> str:
    text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_place(Path(error.filename), root)}:{error.lineno}: SyntaxError: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "experiments")] or frames
    if not own:
        return f"{_place(path, root)}: {text}"
    return f"{_place(Path(own[-1].filename), root)}:{own[-1].lineno}: {text}"


def _with_variants(experiment: Experiment, root: Path, problems: list[str]) -> Found:
    """The experiment's variants; each broken file adds a line to `problems`."""
    folder = root / "variants" / experiment.name
    variants: list[Variant] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            variants.append(_load_variant(path, experiment.variant, root))
        except _Broken as broken:
            problems.append(str(broken))
    if not variants and not problems:
        implicit = _implicit_baseline(experiment, root)
        return Found(experiment, (implicit,), implicit.id, (_implicit_note(experiment),))
    baseline, notes = _baseline_of(experiment, variants, problems)
    ordered = sorted(variants, key=lambda variant: variant.id != baseline)
    return Found(experiment, tuple(ordered), baseline, notes)


def _load_variant(path: Path, kind: type[Variant], root: Path) -> Variant:
    place = _place(path, root)
    if not _ID.fullmatch(path.stem):
        raise _Broken(f"{place}: the file's name becomes the variant's id: use letters, digits, - and _ only")
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        at = f":{line[1]}" if line else ""
        raise _Broken(f"{place}{at}: not readable as TOML: {error}") from None
    if data.get("id", path.stem) != path.stem:
        raise _Broken(f"{place}: id: leave it out, the file's name is the id")
    try:
        return kind.model_validate({**data, "id": path.stem})
    except ValidationError as error:
        raise _Broken("\n".join(_variant_line(problem, place, text) for problem in error.errors())) from None


def _variant_line(problem: Any, place: str, text: str) -> str:
    key = str(problem["loc"][0]) if problem["loc"] else ""
    at = next(
        (number for number, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*{re.escape(key)}\s*=", line)),
        None,
    )
    spot = f":{at}" if key and at else ""
    where = ".".join(str(part) for part in problem["loc"])
    return f"{place}{spot}: {where + ': ' if where else ''}{problem['msg'][0].lower()}{problem['msg'][1:]}"


def _baseline_of(experiment: Experiment, variants: list[Variant], problems: list[str]) -> tuple[str, tuple[str, ...]]:
    """The variant flagged `baseline = true`, else the one named baseline, else the first by name."""
    flagged = [variant.id for variant in variants if variant.baseline]
    if len(flagged) > 1:
        problems.append(
            f"variants/{experiment.name}/: only one file may say 'baseline = true': {', '.join(flagged)} do"
        )
    if flagged:
        return flagged[0], ()
    ids = [variant.id for variant in variants]
    if "baseline" in ids or len(ids) < 2:
        return "baseline" if "baseline" in ids else ids[0] if ids else "", ()
    note = f"{experiment.name}: no variant is marked 'baseline = true'; {ids[0]!r} is taken as the baseline"
    return ids[0], (note,)


def _implicit_baseline(experiment: Experiment, root: Path) -> Variant:
    """An experiment without variant files has one variant, of no framing: every required text is empty."""
    values: dict[str, Any] = {"id": "baseline"}
    for name, field in experiment.variant.model_fields.items():
        if name != "id" and field.default is PydanticUndefined and field.default_factory is None:
            if field.annotation is not str:
                raise _Broken(
                    f"variants/{experiment.name}/: no variant found, and {name} has no default; add a TOML file"
                )
            values[name] = ""
    try:
        return experiment.variant.model_validate(values)
    except ValidationError:
        raise _Broken(f"variants/{experiment.name}/: no variant found; add a TOML file") from None


def _implicit_note(experiment: Experiment) -> str:
    return (
        f"{experiment.name}: no file in variants/{experiment.name}/: running one variant 'baseline' with empty words; "
        "add TOML files to compare framings"
    )


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
