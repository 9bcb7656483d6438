"""How does a repo change? Handlers for create, delete, settings, pre-upload and commit."""

import base64
from fnmatch import fnmatch
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types; only safe_load is used
from aiohttp import web

from . import refusals
from .accounts import USER
from .faults import AFTER_APPLYING, Fault, Faults
from .gate import Cut, hang, server_error
from .payload import parse_commit
from .repos import Commit, Repo
from .rival import commit_as_rival
from .state import EXCHANGE, REGULAR_FILE_LIMIT_BYTES, STATE, account_for_writing, writable_repo_of


async def create_repo(request: web.Request) -> web.Response:
    """Create a repo, public unless asked otherwise. An existing one stays as it is, private or not: 409."""
    state = request.app[STATE]
    asked = await request.json()
    if asked.get("type") != "dataset":
        raise refusals.malformed("the stand-in has dataset repos only")
    repo_id = f"{asked.get('organization') or USER}/{asked['name']}"
    account_for_writing(request, repo_id, "create a dataset")
    url = f"{state.endpoint}/datasets/{repo_id}"
    if repo_id in state.repos:
        return web.json_response({"error": "You already created this dataset repo", "url": url}, status=409)
    state.repos[repo_id] = Repo(repo_id, private=_wants_private(asked) or False)
    state.save()
    return web.json_response({"url": url, "name": repo_id, "id": repo_id})


async def delete_repo(request: web.Request) -> web.Response:
    """Delete a repo with its history."""
    state = request.app[STATE]
    asked = await request.json()
    repo_id = f"{asked.get('organization') or USER}/{asked['name']}"
    account = account_for_writing(request, repo_id, "delete a dataset")
    del state.repos[state.visible_repo(repo_id, account).repo_id]
    state.save()
    return web.json_response({})


async def update_settings(request: web.Request) -> web.Response:
    """Change the visibility."""
    repo = writable_repo_of(request, "change settings")
    private = _wants_private(await request.json())
    if private is not None:
        repo.private = private
        request.app[STATE].save()
    return web.json_response({"private": repo.private})


async def validate_yaml(request: web.Request) -> web.Response:
    """Check the front matter of a README."""
    content = str((await request.json()).get("content", ""))
    problem = _front_matter_problem(content)
    if problem is None:
        return web.json_response({"warnings": [], "errors": []})
    return web.json_response({"warnings": [], "errors": [{"message": problem}]}, status=400)


async def preupload(request: web.Request) -> web.Response:
    """Say for each file: inside the commit or through LFS, ignored or not, and the id of what is there now."""
    state = request.app[STATE]
    repo = writable_repo_of(request, "upload files")
    asked = await request.json()
    here = repo.at(request.match_info["revision"]).tree
    kept = here.get(".gitignore")
    gitignore = asked.get("gitIgnore") or (kept.content.decode() if kept else "")
    answers: list[dict[str, Any]] = []
    for file in asked["files"]:
        path, size = file["path"], file["size"]
        is_binary = b"\0" in base64.b64decode(file.get("sample", ""))
        is_lfs = state.force_lfs or is_binary or size > REGULAR_FILE_LIMIT_BYTES
        answers.append(
            {
                "path": path,
                "uploadMode": "lfs" if is_lfs and path != "README.md" else "regular",
                "shouldIgnore": _is_ignored(path, gitignore),
                "oid": here[path].etag if path in here else None,
            }
        )
    return web.json_response({"files": answers})


async def commit(request: web.Request) -> web.Response:
    """Commit, through whatever faults are due. The rival comes first, so that the parent has moved."""
    state = request.app[STATE]
    body = await request.read()
    state.watch.received(request[EXCHANGE], len(body))
    repo = writable_repo_of(request, "commit")
    _require_branch(repo, request)
    asked = parse_commit(body)
    faults = state.faults
    state.commit_requests += 1
    fault = state.dice.for_commit(faults)
    _let_rival_commit(request, repo, faults)
    if _is_due(faults.throttle_every, state.commit_requests):
        state.watch.injected(request[EXCHANGE], Fault.THROTTLE)
        raise refusals.too_many_commits(faults.retry_after_s)
    if fault is not None and fault not in AFTER_APPLYING:
        await _suffer(request, fault)
    made = repo.apply(asked, state.lfs_objects.get)
    state.save()
    if fault is not None:
        await _suffer(request, fault)
    return web.json_response(_commit_answer(state.endpoint, repo, made))


async def _suffer(request: web.Request, fault: Fault) -> None:
    """Inject a fault drawn for a commit. Raises Refused or Cut, always."""
    if fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER):
        await hang(request, fault)
    if fault in (Fault.ERROR_BEFORE, Fault.ERROR_AFTER):
        raise server_error(request, fault)
    request.app[STATE].watch.injected(request[EXCHANGE], fault)
    if fault is Fault.CONFLICT:
        raise refusals.commit_in_progress()
    raise Cut


def _let_rival_commit(request: web.Request, repo: Repo, faults: Faults) -> None:
    state = request.app[STATE]
    if not _is_due(faults.rival_every, state.commit_requests):
        return
    state.rival_commits += 1
    commit_as_rival(repo, faults.rival, state.rival_commits, faults.rival_line)
    state.watch.injected(request[EXCHANGE], Fault.RIVAL)
    state.save()


def _is_due(every: int, count: int) -> bool:
    return every > 0 and count % every == 0


def _require_branch(repo: Repo, request: web.Request) -> None:
    revision = request.match_info["revision"]
    repo.at(revision)
    if revision not in ("main", "refs/heads/main"):
        raise refusals.malformed(f"cannot commit on {revision}: not a branch")
    if "create_pr" in request.query:
        raise refusals.malformed("the stand-in has no pull requests")


def _commit_answer(endpoint: str, repo: Repo, made: Commit) -> dict[str, Any]:
    return {
        "success": True,
        "commitOid": made.oid,
        "commitUrl": f"{endpoint}/datasets/{repo.repo_id}/commit/{made.oid}",
        "hookOutput": "",
    }


def _wants_private(asked: dict[str, Any]) -> bool | None:
    if asked.get("visibility") is not None:
        return bool(asked["visibility"] == "private")
    return None if asked.get("private") is None else bool(asked["private"])


def _front_matter_problem(content: str) -> str | None:
    """Why the Hub would refuse this README; None when it would not."""
    lines = content.splitlines()
    if not lines or lines[0].strip() != "---":
        return None
    ends = [number for number, line in enumerate(lines[1:], start=1) if line.strip() == "---"]
    if not ends:
        return "the YAML block is never closed"
    try:
        data = yaml.safe_load("\n".join(lines[1 : ends[0]]))
    except yaml.YAMLError as error:
        return f"invalid YAML: {error}"
    return None if data is None or isinstance(data, dict) else "the YAML block must be a mapping"


def _is_ignored(path: str, gitignore: str) -> bool:
    """Whether a `.gitignore` names `path`: the common patterns only (no negation, no anchors inside)."""
    parts = path.split("/")
    folders = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    for line in gitignore.splitlines():
        pattern = line.strip().strip("/")
        if not pattern or pattern.startswith(("#", "!")):
            continue
        if any(fnmatch(folder, pattern) for folder in folders) or any(fnmatch(part, pattern) for part in parts):
            return True
    return False
