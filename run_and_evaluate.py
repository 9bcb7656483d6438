"""Run the experiment that `.env` asks for, judge it, keep it and upload it. The same as `trialbed run`."""

import sys
from pathlib import Path

from trialbed.cli.main import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]], root=Path(__file__).resolve().parent)
