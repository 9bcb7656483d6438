"""Is a run on disk as it was written: journal, plan and readable files? Reads only."""

from trialbed.core.text import for_terminal
from trialbed.engine.folder import RunFolder
from trialbed.sinks.backups_check import check_backups
from trialbed.sinks.journal.integrity import check_journal
from trialbed.sinks.plan_check import check_plan


def integrity_problem(folder: RunFolder) -> str | None:
    """The first thing that is not as it was written, in one line; None when all is.

    Raises:
        OSError: a file cannot be read.
    """
    problem = check_journal(folder.journal).problem or check_plan(folder.path).problem or check_backups(folder.path)
    return None if problem is None else for_terminal(problem.replace("\n", " "))
