"""Which prompts are asked? Built from the experiment, or read from the grid file that was built before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialbed.app.rent.wanted import EXPERIMENT, GridWanted, outputs_of
from trialbed.core.errors import UserError
from trialbed.core.experiment import Scenario
from trialbed.engine.folder import write_whole
from trialbed.material import rows_of_file
from trialbed.plugins import Found
from trialbed.settings import Settings


@dataclass(frozen=True)
class Grid:
    """The prompts of a command. `of_file` is the file they were read from; None = they were built."""

    scenarios: tuple[Scenario, ...]
    variants: tuple[str, ...]
    notes: tuple[str, ...]
    of_file: Path | None

    def rows(self, found: Found) -> list[dict[str, Any]]:
        """As a grid file has them."""
        variants = [variant for variant in found.variants if variant.id in self.variants]
        rows: list[dict[str, Any]] = found.experiment.results(self.scenarios, variants, ())["grid"]
        return rows


def grid_file(root: Path, output_dir: Path | None) -> Path:
    return outputs_of(root, output_dir) / "raw" / "grid.jsonl"


def built_grid(found: Found, settings: Settings, wanted: GridWanted) -> Grid:
    """The grid as `rent build` writes it.

    Raises:
        UserError: an unknown variant was named.
    """
    variants = _known(wanted.variants, [variant.id for variant in found.variants]) or (found.baseline,)
    return _grid(found, settings, wanted, None, variants, None)


def grid_of(root: Path, found: Found, settings: Settings, wanted: GridWanted) -> Grid:
    """What `rent run` asks: the file's prompts if there is one, else those of a grid built for it.

    Raises:
        UserError: the file cannot be used, or does not have a variant that was named.
    """
    path = grid_file(root, wanted.output_dir)
    if not path.exists():
        return built_grid(found, settings, wanted)
    rows = rows_of_file(path)
    # The experiment says what is wrong with a row; here only those of phrasings that are not wanted are left out.
    in_file = tuple(dict.fromkeys(str(row.get("variant")) for row in rows))
    if wanted.variants is None:
        return _grid(found, settings, wanted, rows, in_file, path)
    if missing := [name for name in wanted.variants if name not in in_file]:
        raise UserError(
            f"--variants: {path} has no prompts of {', '.join(missing)}, only of {', '.join(in_file)}; build it anew "
            f"with 'trialbed rent build --variants {','.join(wanted.variants)}'"
        )
    rows = [row for row in rows if row.get("variant") in wanted.variants]
    return _grid(found, settings, wanted, rows, wanted.variants, path)


def write_grid(found: Found, grid: Grid, path: Path) -> None:
    """Write the grid file, whole or not at all.

    Raises:
        UserError: the folder refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json_lines(grid.rows(found)), durable=False)
    except OSError as error:
        raise UserError(f"--output-dir: {path} cannot be written ({error.strerror}); name another folder") from None


def json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One object a line, in UTF-8, members in their order."""
    return "".join(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in rows).encode()


def _grid(
    found: Found,
    settings: Settings,
    wanted: GridWanted,
    rows: Sequence[Mapping[str, Any]] | None,
    variants: tuple[str, ...],
    path: Path | None,
) -> Grid:
    asked = {
        "include_neutral": wanted.include_neutral,
        "limit": wanted.limit,
        "seed": settings.model_seed,
        "variants": found.variants,
    }
    material = found.experiment.of_rows(rows, asked, where="the grid" if path is None else str(path))
    if material is None:
        raise UserError(f"experiments/{EXPERIMENT}: makes no grid; let of_rows make one")
    return Grid(material.scenarios, variants, material.notes, path)


def _known(names: tuple[str, ...] | None, known: Sequence[str]) -> tuple[str, ...] | None:
    if names is None:
        return None
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UserError(f"--variants: no such name: {', '.join(unknown) or '(empty)'}; there is: {', '.join(known)}")
    return tuple(dict.fromkeys(names))
