"""How is a file named that cannot be used? Relative to the project, with the line where it is known."""

import traceback
from pathlib import Path


class Broken(Exception):
    """Something cannot be used; each of `lines` is a whole line for the user."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def place(path: Path, root: Path) -> str:
    """The path as a user knows it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def python_problem(error: BaseException, path: Path, root: Path) -> str:
    """What went wrong in an author's code, and on which line of it."""
    if isinstance(error, SyntaxError) and error.filename:
        line = "" if error.lineno is None else f":{error.lineno}"
        return f"{place(Path(error.filename), root)}{line}: SyntaxError: {error.msg}"
    text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(root)]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "experiments")] or frames
    if not own:
        return f"{place(path, root)}: {text}"
    return f"{place(Path(own[-1].filename), root)}:{own[-1].lineno}: {text}"
