"""Measure on this machine, side by side with what people use now: `python -m tests.bench [--quick] [--only a,b]`.

Everything is on loopback. The peers are installed into `.bench/` the first time; --quick leaves them out. The whole
takes about a quarter of an hour on two cores, --quick about two minutes.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.processes import ProcessFailed
from tests.bench.report import Report, Setting, as_markdown
from tests.bench.sizes import QUICK, WHOLE

PARTS = {"a": "cpu", "b": "pace", "c": "rivals", "d": "quotas", "e": "startup", "f": "growth", "g": "dialogues"}
OWN_PARTS = ("trialbed", "aioboto3", "aiobotocore", "botocore", "aiohttp", "uvloop")
LARGE = 100_000


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, and no peers")
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, e.g. a,b")
    parser.add_argument("--skip-100k", action="store_true", help="leave out the plan of 100,000 trials")
    parser.add_argument("--markdown", type=Path, help="write the table there as well")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if strangers := [part for part in chosen if part not in PARTS]:
        parser.error(f"--only: {', '.join(strangers)}: there is no such part; choose from {', '.join(PARTS)}")
    sizes = QUICK if options.quick else WHOLE
    if options.skip_100k:
        sizes = replace(sizes, growth_trials=tuple(trials for trials in sizes.growth_trials if trials < LARGE))
    with tempfile.TemporaryDirectory(prefix="trialbed-bench-") as name:
        bench = Bench(sizes, Path(name))
        reports = [_report(part, bench) for part in chosen]
        text = as_markdown(_setting(bench), reports)
    print(f"\n{text}")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    return 1 if any(report.failed for report in reports) else 0


def _report(part: str, bench: Bench) -> Report:
    """What a part found, or why it found nothing: the other parts go on."""
    print(f"({part}) {PARTS[part]}", flush=True)
    measure: Callable[[Bench], Report] = import_module(f"tests.bench.parts.{PARTS[part]}").measure
    began = time.monotonic()
    try:
        report = measure(bench)
    except (ProcessFailed, RuntimeError) as error:
        report = Report(f"({part}) {PARTS[part]}", remarks=[f"failed: {error}"], failed=True)
    for ratio in report.ratios:
        print("  " + "  ".join(ratio.cells), flush=True)
    for remark in report.remarks:
        if "failed: " in remark:
            print(f"  {remark}", flush=True)
    print(f"  took {time.monotonic() - began:.0f} s", flush=True)
    return report


def _setting(bench: Bench) -> Setting:
    versions = {name: version(name) for name in OWN_PARTS}
    if "peers" in vars(bench):  # asking for them installs them, and these parts may not have needed any
        versions |= {peer.name: peer.version for peer in bench.peers[0]}
    cores = len(os.sched_getaffinity(0))
    machine = f"{cores} cores ({platform.machine()}), {platform.system()}, Python {platform.python_version()}"
    return Setting(f"{datetime.now(UTC):%Y-%m-%d}", machine, versions)


if __name__ == "__main__":
    sys.exit(main())
