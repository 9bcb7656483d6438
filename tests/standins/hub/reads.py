"""What can be read? Handlers for whoami, repo info, tree, paths-info, commits and refs."""

from typing import Any

from aiohttp import web

from . import refusals
from .repos import Commit, Repo, StoredFile
from .state import ACCOUNT, STATE, repo_of

TREE_PAGE = 1000
COMMITS_PAGE = 50


async def whoami(request: web.Request) -> web.Response:
    """Name the user and the role of the token."""
    account = request.get(ACCOUNT)
    if account is None:
        raise refusals.no_login()
    token = {"displayName": "stand-in token", "role": account.role, "createdAt": "2025-01-01T00:00:00.000Z"}
    return web.json_response(
        {
            "type": "user",
            "id": "000000000000000000000001",
            "name": account.name,
            "fullname": account.name,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


async def repo_info(request: web.Request) -> web.Response:
    """Describe a repo at a revision, with its files."""
    repo = repo_of(request)
    at = repo.at(request.match_info.get("revision"))
    with_blobs = request.query.get("blobs", "").lower() in ("true", "1")
    siblings = [_sibling(path, file, with_blobs) for path, file in sorted(at.tree.items())]
    return web.json_response(
        {
            "_id": "000000000000000000000002",
            "id": repo.repo_id,
            "author": repo.repo_id.split("/")[0],
            "sha": at.oid,
            "lastModified": at.at,
            "createdAt": repo.commits[0].at,
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": siblings,
        },
        headers={"X-Repo-Commit": at.oid},
    )


async def auth_check(request: web.Request) -> web.Response:
    """Whether the token may read the repo."""
    repo_of(request)
    return web.Response()


async def tree(request: web.Request) -> web.Response:
    """List a folder, page by page."""
    repo = repo_of(request)
    at = repo.at(request.match_info["revision"])
    folder = request.match_info.get("path", "").strip("/")
    is_recursive = request.query.get("recursive", "").lower() in ("true", "1")
    is_expanded = request.query.get("expand", "").lower() in ("true", "1")
    entries = _entries(repo, at, folder, is_recursive=is_recursive, is_expanded=is_expanded)
    if folder and not entries:
        raise refusals.no_entry(folder, commit_oid=at.oid)
    return _page(request, entries, TREE_PAGE)


async def paths_info(request: web.Request) -> web.Response:
    """Describe the named paths; those that do not exist are left out in silence, as the real Hub does."""
    repo = repo_of(request)
    at = repo.at(request.match_info["revision"])
    if request.content_type == "application/json":
        asked = await request.json()
        paths, is_expanded = list(asked["paths"]), bool(asked.get("expand"))
    else:
        form = await request.post()
        paths, is_expanded = [str(path) for path in form.getall("paths", [])], form.get("expand") == "true"
    known = {entry["path"]: entry for entry in _entries(repo, at, "", is_recursive=True, is_expanded=is_expanded)}
    return web.json_response([known[path] for path in dict.fromkeys(paths) if path in known])


async def commits(request: web.Request) -> web.Response:
    """List commits from a revision back, newest first."""
    repo = repo_of(request)
    last = repo.commits.index(repo.at(request.match_info["revision"]))
    items = [
        {
            "id": commit.oid,
            "authors": [{"user": commit.who}],
            "date": commit.at,
            "title": commit.title,
            "message": commit.message,
        }
        for commit in reversed(repo.commits[: last + 1])
    ]
    return _page(request, items, COMMITS_PAGE)


async def refs(request: web.Request) -> web.Response:
    """List the one branch."""
    head = repo_of(request).head.oid
    branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": head}
    return web.json_response({"branches": [branch], "converts": [], "tags": [], "pullRequests": []})


def _page(request: web.Request, items: list[dict[str, Any]], size: int) -> web.Response:
    start = int(request.query.get("cursor", "0"))
    headers = {}
    if start + size < len(items):
        following = request.rel_url.update_query(cursor=str(start + size))
        headers["Link"] = f'<{request.app[STATE].endpoint}{following}>; rel="next"'
    return web.json_response(items[start : start + size], headers=headers)


def _sibling(path: str, file: StoredFile, with_blobs: bool) -> dict[str, Any]:
    if not with_blobs:
        return {"rfilename": path}
    sibling: dict[str, Any] = {"rfilename": path, "size": len(file.content), "blobId": file.git_oid}
    if file.lfs:
        sibling["lfs"] = {"sha256": file.sha256, "size": len(file.content), "pointerSize": 134}
    return sibling


def _entries(repo: Repo, at: Commit, folder: str, *, is_recursive: bool, is_expanded: bool) -> list[dict[str, Any]]:
    """Tree entries below `folder` ('' = root): its files and folders, and with `is_recursive` theirs too."""
    prefix = f"{folder}/" if folder else ""
    touched = _last_touches(repo, at) if is_expanded else {}
    entries: dict[str, dict[str, Any]] = {}
    for path, file in at.tree.items():
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if is_recursive else min(len(parts), 2)):
            name = prefix + "/".join(parts[:depth])
            entries[name] = {"type": "directory", "oid": at.oid, "size": 0, "path": name}
        if is_recursive or len(parts) == 1:
            entries[path] = _file_entry(path, file)
    for path, entry in entries.items():
        if is_expanded:
            commit = touched.get(path, at)
            entry["lastCommit"] = {"id": commit.oid, "title": commit.title, "date": commit.at}
    return [entries[path] for path in sorted(entries)]


def _file_entry(path: str, file: StoredFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": file.git_oid, "size": len(file.content), "path": path}
    if file.lfs:
        entry["lfs"] = {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}
    return entry


def _last_touches(repo: Repo, at: Commit) -> dict[str, Commit]:
    touched: dict[str, Commit] = {}
    for commit in repo.commits:
        touched.update(dict.fromkeys(commit.paths, commit))
        if commit is at:
            break
    return touched
