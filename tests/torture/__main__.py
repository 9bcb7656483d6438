"""All long fault runs, one after the other: `python -m tests.torture --count 50 --first-seed 1`."""

import argparse
import subprocess
import sys

LEAST_HUB_SEEDS = 30


def main() -> int:
    """Exit 1 if any of them found a violation."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="kills in all; the Hub gets 3 seeds for 5 of them")
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    hub_seeds = max(LEAST_HUB_SEEDS, options.count * 3 // 5)
    first = ["--first-seed", str(options.first_seed)]
    codes = [
        _run("tests.torture.kills", "--count", str(options.count), *first),
        _run("tests.torture.hub", "--seeds", str(hub_seeds), *first),
    ]
    return 1 if any(codes) else 0


def _run(module: str, *arguments: str) -> int:
    print(f"== {module} {' '.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
