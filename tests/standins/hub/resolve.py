"""How is a file's content read? HEAD and GET at a revision, whole or a range."""

import re

from aiohttp import web

from . import refusals
from .state import repo_of

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def resolve(request: web.Request) -> web.Response:
    """Serve one file with the headers clients build their cache on."""
    repo = repo_of(request)
    at = repo.at(request.match_info["revision"])
    path = request.match_info["path"]
    file = at.tree.get(path)
    if file is None:
        raise refusals.no_entry(path, commit_oid=at.oid)
    headers = {"X-Repo-Commit": at.oid, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
    if file.lfs:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.content))}
    size = len(file.content)
    span = _span(request.headers.get("Range"), size)
    if span is None:
        return web.Response(body=file.content, headers=headers, content_type="application/octet-stream")
    start, end = span
    if start >= size or end < start:
        raise refusals.Refused(416, "Range Not Satisfiable", headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    body = file.content[start : end + 1]
    return web.Response(status=206, body=body, headers=headers, content_type="application/octet-stream")


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header; None without one, or with one the Hub would ignore."""
    match = RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
