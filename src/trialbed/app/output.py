"""Can the folder that a command's own files go to be written? Said before anything is asked, and in one way."""

from pathlib import Path

from trialbed.core.errors import UserError


def check_output_dir(folder: Path) -> None:
    """Make the folder, and see that a file can be made in it.

    Raises:
        UserError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".trialbed"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise output_refused(folder, error) from None


def output_refused(folder: Path, error: OSError) -> UserError:
    """The line for a folder that refuses, before a run or after it."""
    return UserError(
        f"--output-dir: {folder} cannot be written ({error.strerror}); make room or name another folder: the same "
        "command writes the files, from the journals"
    )
