"""What is in variants/<experiment>/? One TOML file per variant; its name is the id."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticUndefined

from trialbed.core.experiment import Experiment, Variant
from trialbed.plugins.broken import Broken, place
from trialbed.plugins.experiments import ID


def variants_of(experiment: Experiment, root: Path) -> tuple[tuple[Variant, ...], str, tuple[str, ...]]:
    """The variants, baseline first; the baseline's id; and what is worth telling the user.

    Raises:
        Broken: of every file that cannot be used.
    """
    variants: list[Variant] = []
    problems: list[str] = []
    for path in sorted((root / "variants" / experiment.name).glob("*.toml")):
        try:
            variants.append(_load(path, experiment.variant, root))
        except Broken as broken:
            problems += broken.lines
    flagged = [variant.id for variant in variants if variant.baseline]
    if len(flagged) > 1:
        problems.append(
            f"variants/{experiment.name}/: only one file may say 'baseline = true': {', '.join(flagged)} do"
        )
    if problems:
        raise Broken(*problems)
    if not variants:
        implicit = _implicit_baseline(experiment)
        return (implicit,), implicit.id, (_implicit_note(experiment),)
    baseline, notes = _baseline_of(experiment, variants)
    return tuple(sorted(variants, key=lambda variant: variant.id != baseline)), baseline, notes


def _load(path: Path, kind: type[Variant], root: Path) -> Variant:
    where = place(path, root)
    if not ID.fullmatch(path.stem):
        raise Broken(f"{where}: the file's name becomes the variant's id: use letters, digits, - and _ only")
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        at = f":{line[1]}" if line else ""
        raise Broken(f"{where}{at}: not readable as TOML: {error}") from None
    if data.get("id", path.stem) != path.stem:
        raise Broken(f"{where}: id: leave it out, the file's name is the id")
    try:
        return kind.model_validate({**data, "id": path.stem})
    except ValidationError as error:
        raise Broken(*(_line(problem, where, text) for problem in error.errors())) from None


def _line(problem: Any, where: str, text: str) -> str:
    key = str(problem["loc"][0]) if problem["loc"] else ""
    at = next(
        (number for number, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*{re.escape(key)}\s*=", line)),
        None,
    )
    spot = f":{at}" if key and at else ""
    field = ".".join(str(part) for part in problem["loc"])
    return f"{where}{spot}: {field + ': ' if field else ''}{problem['msg'][0].lower()}{problem['msg'][1:]}"


def _baseline_of(experiment: Experiment, variants: list[Variant]) -> tuple[str, tuple[str, ...]]:
    """The variant flagged `baseline = true`, else the one named baseline, else the first by name."""
    ids = [variant.id for variant in variants]
    marked = next((variant.id for variant in variants if variant.baseline), None)
    if marked is not None or "baseline" in ids:
        return marked or "baseline", ()
    if len(ids) == 1:
        return ids[0], ()
    note = f"{experiment.name}: no variant is marked 'baseline = true'; {ids[0]!r} is taken as the baseline"
    return ids[0], (note,)


def _implicit_baseline(experiment: Experiment) -> Variant:
    """An experiment without variant files has one variant, of no framing: every required text is empty."""
    values: dict[str, Any] = {"id": "baseline"}
    for name, field in experiment.variant.model_fields.items():
        if name != "id" and field.default is PydanticUndefined and field.default_factory is None:
            if field.annotation is not str:
                raise Broken(
                    f"variants/{experiment.name}/: no variant found, and {name} has no default; add a TOML file"
                )
            values[name] = ""
    try:
        return experiment.variant.model_validate(values)
    except ValidationError:
        raise Broken(f"variants/{experiment.name}/: no variant found; add a TOML file") from None


def _implicit_note(experiment: Experiment) -> str:
    return (
        f"{experiment.name}: no file in variants/{experiment.name}/: running one variant 'baseline' with empty words; "
        "add TOML files to compare framings"
    )
