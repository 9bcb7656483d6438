"""Run the stand-in as a process: `python -m tests.standins.hub --port 0 --faults '{"error_after": 0.2}' --seed 7`.

The first line on stdout is the endpoint. Each line on stdin is a new fault mix, acknowledged with `ok`; when
stdin closes, the process ends.
"""

import argparse
import sys
from pathlib import Path

from .faults import Faults
from .server import HubStandIn


def main() -> int:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(prog="python -m tests.standins.hub", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--faults", type=Faults.from_json, default=Faults(), help="JSON object of Faults fields")
    parser.add_argument("--seed", type=int, default=0, help="of the fault draws")
    parser.add_argument("--log", type=Path, help="append one JSON line per request")
    parser.add_argument("--state-dir", type=Path, help="keep repos there, and load them at start")
    parser.add_argument("--force-lfs", action="store_true", help="send every file but the README through LFS")
    options = parser.parse_args()
    with HubStandIn(
        options.faults,
        seed=options.seed,
        port=options.port,
        state_dir=options.state_dir,
        log_file=options.log,
        force_lfs=options.force_lfs,
    ) as hub:
        print(hub.endpoint, flush=True)
        for line in sys.stdin:
            try:
                hub.faults = Faults.from_json(line)
                print("ok", flush=True)
            except (ValueError, TypeError) as error:
                print(f"refused: {error}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
