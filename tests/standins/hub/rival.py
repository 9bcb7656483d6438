"""What does another writer do to a repo, just before our commit arrives?"""

from .faults import RivalStyle
from .repos import Commit, Repo, StoredFile

GROWING_FILE = "game_logs.jsonl"


def commit_as_rival(repo: Repo, style: RivalStyle, number: int, line: str) -> Commit:
    """Move the head: add a file nobody else writes, or append one line to the growing file."""
    tree = dict(repo.head.tree)
    if style == "file":
        path, content = f"rival/{number}.txt", f"rival commit {number}\n".encode()
    else:
        before = tree[GROWING_FILE].content if GROWING_FILE in tree else b""
        path, content = GROWING_FILE, before + line.replace("{n}", str(number)).encode() + b"\n"
    tree[path] = StoredFile.of(content)
    return repo.advance(tree, (path,), f"rival commit {number}", "", "rival")
