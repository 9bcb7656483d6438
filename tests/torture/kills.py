"""Is a run that is killed -9 again and again the same run in the end? The long version.

    python -m tests.torture.kills --count 50 --first-seed 1

Each seed is one run of 300 trials of the dilemma (5 variants x 60) on a Bedrock stand-in, killed at seeded moments
until `--count` kills have been made in all. Odd seeds also have a faltering Bedrock, every third tears the journal's
tail after some of the kills. Each is compared with one uninterrupted run. Exit 1 on any violation.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.support.bedrock import Bedrock, bedrock_process
from tests.support.killing import Killed, Reference, killed_run, reference_run, resent_after_kills, violations
from tests.support.project import make_project

BATCH = {"EXPERIMENT": "dilemma", "BATCH_MODE": "true", "BATCH_SIZE": "60"}
STAND_IN: dict[str, Any] = {"seed": 11, "latency_s": 0.005, "latency_spread": 0.6}
FALTERING: dict[str, Any] = {
    "throttle_rate": 0.01,
    "server_error_rate": 0.01,
    "cut_before_rate": 0.01,
    "cut_body_rate": 0.01,
    "malformed_body_rate": 0.01,
}
MOST_KILLS_A_RUN = 8
HEADING = " seed at once   Bedrock torn kills  calls      re-sent     s  result"


@dataclass(frozen=True)
class Case:
    """One seed's run."""

    seed: int
    max_concurrency: int
    falters: bool
    tear: float
    kills: int

    @classmethod
    def of(cls, seed: int, kills_left: int) -> "Case":
        random = Random(f"kills {seed}")
        kills = min(random.randint(3, MOST_KILLS_A_RUN), kills_left)
        return cls(seed, random.choice([4, 20, 50]), seed % 2 == 1, 0.5 if seed % 3 == 0 else 0.0, kills)


@dataclass(frozen=True)
class Told:
    """How one seed went."""

    case: Case
    kills: int
    calls: int
    resent: list[int]
    seconds: float
    problems: list[str]

    @property
    def line(self) -> str:
        case, worst = self.case, max(self.resent, default=0)
        bedrock, torn = "falters" if case.falters else "healthy", "yes" if case.tear else "no"
        result = "ok" if not self.problems else f"{len(self.problems)} VIOLATIONS"
        return (
            f"{case.seed:>5} {case.max_concurrency:>7} {bedrock:>9} {torn:>4} {self.kills:>5} {self.calls:>6} "
            f"{sum(self.resent):>6} max {worst:>2} {self.seconds:>5.0f}  {result}"
        )


def torture(case: Case, folder: Path, reference: Reference) -> Told:
    """Kill one run until it ends, and look for broken promises."""
    began = time.monotonic()
    project = make_project(folder, **BATCH, MAX_CONCURRENCY=str(case.max_concurrency))
    config = STAND_IN | (FALTERING if case.falters else {})
    with bedrock_process(config, log=folder / "log", root=project.root) as bedrock:
        killed = killed_run(
            project,
            bedrock.environment(),
            seed=case.seed,
            most_kills=case.kills,
            journal_bytes=reference.journal_bytes,
            tear=case.tear,
        )
        problems = violations(project, killed, bedrock, reference, max_concurrency=case.max_concurrency)
        return told(case, killed, bedrock, problems, time.monotonic() - began)


def told(case: Case, killed: Killed, bedrock: Bedrock, problems: list[str], seconds: float) -> Told:
    requests = bedrock.requests()
    resent = list(resent_after_kills(killed, requests).values())
    return Told(case, len(killed.kills), len(requests), resent, seconds, problems)


def uninterrupted(folder: Path) -> Reference:
    """The run all others are compared with; a Bedrock of the same seed gives each trial the same answers."""
    project = make_project(folder, **BATCH)
    with bedrock_process(STAND_IN, log=folder / "log", root=project.root) as bedrock:
        return reference_run(project, bedrock.environment())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="kills in all")
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args(argv)
    results: list[Told] = []
    with tempfile.TemporaryDirectory(prefix="trialbed-kills-") as folder:
        reference = uninterrupted(Path(folder) / "uninterrupted")
        seed, made, in_vain = options.first_seed, 0, 0
        while made < options.count and in_vain < 3:
            result = torture(Case.of(seed, options.count - made), Path(folder) / str(seed), reference)
            print(f"seed {seed}: {result.kills} kills, {result.problems or 'ok'}", flush=True)
            results.append(result)
            seed, made, in_vain = seed + 1, made + result.kills, 0 if result.kills else in_vain + 1
    return closing_table(results, made, options.count)


def closing_table(results: list[Told], made: int, wanted: int) -> int:
    print(f"\n{HEADING}")
    for result in results:
        print(result.line)
    problems = sum(len(result.problems) for result in results)
    resent = [count for result in results for count in result.resent]
    print(
        f"{made} kills in {len(results)} runs of 300 trials; {sum(resent)} answered calls sent again, "
        f"at most {max(resent, default=0)} after one kill; {problems} violations"
    )
    return 1 if problems or made < wanted else 0


if __name__ == "__main__":
    sys.exit(main())
