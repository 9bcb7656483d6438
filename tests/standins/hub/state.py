"""What does the stand-in hold while it runs? Shared by all request handlers; built in one place, the server."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from . import refusals
from .accounts import Account
from .faults import Dice, Faults
from .repos import Repo
from .storage import Storage
from .watch import Exchange, Watch

REGULAR_FILE_LIMIT_BYTES = 10_000_000


@dataclass(slots=True)
class State:
    """Everything mutable. Changed on the server's loop only; `faults` may be replaced from any thread."""

    faults: Faults
    dice: Dice
    watch: Watch
    storage: Storage | None = None
    force_lfs: bool = False
    endpoint: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    lfs_objects: dict[str, bytes] = field(default_factory=dict)
    lfs_expected: set[str] = field(default_factory=set)
    commit_requests: int = 0
    rival_commits: int = 0
    cuts: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def visible_repo(self, repo_id: str, account: Account | None) -> Repo:
        """The repo, if `account` may know of it. Raises Refused: 404, or 401 for strangers."""
        repo = self.repos.get(repo_id)
        if repo is None or (repo.private and account is None):
            raise refusals.no_repo(logged_in=account is not None)
        return repo

    def save(self) -> None:
        """Keep what changed, when there is somewhere to keep it."""
        if self.storage is not None:
            self.storage.save(self.repos.values(), self.lfs_objects.values())


STATE = web.AppKey("state", State)
EXCHANGE = web.RequestKey("exchange", Exchange)
ACCOUNT = web.RequestKey("account", Account)


def repo_id_of(request: web.Request) -> str:
    """The `namespace/name` in the path."""
    return f"{request.match_info['namespace']}/{request.match_info['name']}"


def repo_of(request: web.Request) -> Repo:
    """The repo a request is about. Raises Refused when it is missing or hidden."""
    return request.app[STATE].visible_repo(repo_id_of(request), request.get(ACCOUNT))


def writable_repo_of(request: web.Request, what: str) -> Repo:
    """The repo a request wants to change. Raises Refused: 401 without a login, 403 without the right, 404."""
    repo = repo_of(request)
    account_for_writing(request, repo.repo_id, what)
    return repo


def account_for_writing(request: web.Request, repo_id: str, what: str) -> Account:
    """The account behind a change. Raises Refused: 401 without a login, 403 without the right."""
    account: Account | None = request.get(ACCOUNT)
    if account is None:
        raise refusals.no_login()
    account.require_write(repo_id, what)
    return account
