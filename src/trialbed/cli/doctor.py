"""`doctor`: is this set-up fit for a run? Every check is made, whatever the others say."""

from pathlib import Path

import anyio

from trialbed.app.doctor import Finding, examine
from trialbed.app.prepare import Wanted
from trialbed.core.text import for_terminal

FIX_SOMETHING = 2


def doctor_command(root: Path) -> int:
    """Print a line per check; 0 when all are well, 2 when there is something to fix."""
    findings: list[Finding] = anyio.run(examine, root, Wanted())
    for finding in findings:
        mark = "!" if finding.is_warning else "✓" if finding.ok else "✗"
        print(for_terminal(f"{mark} {finding.what}: {finding.said}"))
    return 0 if all(finding.ok for finding in findings) else FIX_SOMETHING
