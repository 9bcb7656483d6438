"""Where on the Hub do rows go, what was run, and how patient are we? Values only."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

Layout = Literal["shards", "append"]

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_PLACEHOLDERS = re.compile(r"(?i)your[-_].*|my[-_]?(user|org).*|user[-_]?name|user|org|organization|namespace|name")


@dataclass(frozen=True, slots=True)
class HubTarget:
    """One dataset repo. `endpoint` None: HF_ENDPOINT, as the client library reads it when it is imported."""

    repo_id: str
    token: str = field(repr=False)
    layout: Layout = "shards"
    private: bool = True
    commit_every_s: float = 300.0
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class RunCard:
    """What the dataset's card says of a run. `plan` is `Plan.as_dict()`; `planned` counts its trials."""

    experiment: str
    version: str
    run: str
    plan: dict[str, Any]
    plan_hash: str
    provenance: dict[str, Any]
    subjects: tuple[str, ...]
    planned: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is waited for what, in seconds. Commits of a run are at least `commit_gap_s` apart but for the last.

    `answer_s` bounds the silence of the Hub, `slowest_bytes_per_s` the time a whole upload may take.
    """

    connect_s: float = 10.0
    answer_s: float = 60.0
    slowest_bytes_per_s: float = 50_000.0
    commit_gap_s: float = 60.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    quota_wait_s: float = 120.0

    def call_limit_s(self, size: int = 0) -> float:
        """The time one call of the client may take in all; a call makes up to five requests."""
        return 5 * self.answer_s + size / self.slowest_bytes_per_s


def repo_id_problem(repo_id: str) -> str | None:
    """Why `HF_REPO_ID` cannot be used; None when it can be. Looks at the text only."""
    parts = repo_id.split("/")
    if len(parts) != 2:
        return f"HF_REPO_ID: {repo_id!r} is not of the form owner/dataset; set it to a dataset you may write to"
    owner, name = parts
    if not all(_PART.fullmatch(part) and ".." not in part and "--" not in part for part in parts):
        return f"HF_REPO_ID: {repo_id!r} has characters the Hub does not take; use letters, digits, '-', '_' and '.'"
    if _PLACEHOLDERS.fullmatch(owner) and (_PLACEHOLDERS.fullmatch(name) or _is_sample(name)):
        return f"HF_REPO_ID: {repo_id!r} is a placeholder; set it to a dataset you may write to"
    if owner.lower().startswith(("your-", "your_")) or name.lower().startswith(("your-", "your_")):
        return f"HF_REPO_ID: {repo_id!r} is a placeholder; set it to a dataset you may write to"
    return None


def _is_sample(name: str) -> bool:
    return name.lower() in {"dataset", "dataset-name", "dataset_name", "repo", "repo-name", "repo_name", "my-dataset"}
