"""Many whole rehearsals with a known truth, each reported: `python -m tests.calibration --count 200 --first-seed 1`.

Prints how often nominal 95 % intervals held the truth, how often tests rejected where nothing was, and how often where
something was. Exit 1 if an interval holds the truth in fewer than 93 or more than 97 % (or a test rejects in more than
5 %) by more than twice the error that so many runs leave.
"""

import argparse
import math
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.calibration.tally import ALPHA, Tally
from tests.calibration.worlds import World, worlds
from tests.support.project import make_project
from trialbed.analysis.findings import Findings
from trialbed.app.report import Asked, findings_of_runs
from trialbed.engine.folder import find_run

LOWEST, HIGHEST = 0.93, 0.97


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="rehearsals of each world")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=40, help="runs per variant of the dilemma")
    options = parser.parse_args()
    tally = Tally()
    seeds = range(options.first_seed, options.first_seed + options.count)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for world in worlds(options.batch_size):
            for report in pool.map(partial(rehearse, world), seeds):
                tally.add(world, report)
            print(f"{world.name}: {options.count} rehearsals from seed {options.first_seed}", flush=True)
    return told(tally)


def rehearse(world: World, seed: int) -> Findings:
    """One whole run of the program, and what its report says."""
    with tempfile.TemporaryDirectory(prefix="calibration-") as folder:
        variables = {**world.variables, "MODEL_SEED": str(seed), "LOCAL_BACKUP_ENABLED": "false"}
        project = make_project(Path(folder), experiments=world.files, **variables)
        ended = project.run(timeout_s=300)
        assert ended.code == 0, ended.stderr
        run = find_run(project.root / "local_backups", None)
        return findings_of_runs(project.root, [run], Asked())


def told(tally: Tally) -> int:
    """Print the tally; returns 1 if a promise is broken."""
    broken = 0
    print("\nnominal 95 % intervals that held the truth (aim 93 to 97 %)")
    for name, counts in tally.held.items():
        broken += _line(name, counts, lowest=LOWEST, highest=HIGHEST)
    print("\ntests that rejected at 5 % where nothing was (aim at most 5 %)")
    for name, counts in tally.rejected.items():
        broken += _line(name, counts, lowest=0.0, highest=ALPHA)
    print("\ntests that rejected where something was (power)")
    for name, counts in tally.found.items():
        _line(name, counts, lowest=0.0, highest=1.0)
    return 1 if broken else 0


def _line(name: str, counts: Counter[bool], *, lowest: float, highest: float) -> bool:
    share, n = counts[True] / counts.total(), counts.total()
    error = 2 * math.sqrt(max(share * (1 - share), 0.01) / n)
    is_broken = share < lowest - error or share > highest + error
    print(f"  {name:<50} {share:7.1%}  of {n:>6}  +-{error:.1%}{'   BROKEN' if is_broken else ''}")
    return is_broken


if __name__ == "__main__":
    sys.exit(main())
