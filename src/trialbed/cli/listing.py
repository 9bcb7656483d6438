"""`list`: which experiments, scenarios, variants and runs there are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trialbed.core.text import for_terminal
from trialbed.engine.folder import runs_newest_first
from trialbed.plugins import Found, scan
from trialbed.settings import load_settings

_MOST_RUNS = 10
_MOST_SCENARIOS = 12


def list_command(root: Path, *, as_json: bool) -> int:
    settings = load_settings(root)
    experiments = [_described(found) for found in scan(root).experiments.values()]
    runs = [folder.name for folder in runs_newest_first(settings.local_backup_dir)]
    if as_json:
        print(json.dumps({"experiments": experiments, "runs": runs}, indent=2))
        return 0
    for experiment in experiments:
        for line in _lines(experiment):
            print(for_terminal(line))
    for name in runs[:_MOST_RUNS]:
        print(f"run {name}")
    if len(runs) > _MOST_RUNS:
        print(f"… and {len(runs) - _MOST_RUNS} older runs under {settings.local_backup_dir}")
    return 0


def _lines(experiment: dict[str, Any]) -> Iterator[str]:
    yield f"{experiment['name']} {experiment['version']}"
    scenarios = experiment["scenarios"]
    for scenario in scenarios[:_MOST_SCENARIOS]:
        yield f"  scenario {scenario['id']}{'' if scenario['default'] else '   (only when asked for: --scenarios)'}"
    if len(scenarios) > _MOST_SCENARIOS:
        yield f"  … and {len(scenarios) - _MOST_SCENARIOS} more scenarios; --json names all"
    for variant in experiment["variants"]:
        yield f"  variant  {variant['id']}: {variant['label']}{'   (baseline)' if variant['baseline'] else ''}"


def _described(found: Found) -> dict[str, Any]:
    default = found.experiment.default_scenarios
    return {
        "name": found.experiment.name,
        "version": found.experiment.version,
        "scenarios": [
            {"id": scenario.id, "default": default is None or scenario.id in default} for scenario in found.scenarios
        ],
        "variants": [
            {"id": variant.id, "label": variant.title, "baseline": variant.id == found.baseline}
            for variant in found.variants
        ],
    }
