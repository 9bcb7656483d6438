"""The command that makes problems: `python experiments/_execution/make_mutants.py IN.jsonl OUT.jsonl [--seed N]`.

What it does is in `making.py`; a script has no package, so this one only finds it.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # instead of this folder, whose modules are of a package
    from experiments._execution.making import main

    sys.exit(main(sys.argv[1:]))
