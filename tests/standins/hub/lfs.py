"""How does large content arrive? LFS batch, PUT and verify."""

import hashlib

from aiohttp import web

from . import refusals
from .state import EXCHANGE, STATE, writable_repo_of


async def batch(request: web.Request) -> web.Response:
    """Tell where to upload each object that is not here yet."""
    state = request.app[STATE]
    writable_repo_of(request, "upload files")
    answers = []
    for asked in (await request.json())["objects"]:
        oid, size = asked["oid"], asked["size"]
        answer = {"oid": oid, "size": size, "authenticated": True}
        if oid not in state.lfs_objects:
            state.lfs_expected.add(oid)
            answer["actions"] = {
                "upload": {"href": f"{state.endpoint}/lfs-storage/{oid}", "header": {}},
                "verify": {"href": f"{state.endpoint}/lfs-verify/{oid}", "header": {}},
            }
        answers.append(answer)
    return web.json_response({"transfer": "basic", "objects": answers})


async def put(request: web.Request) -> web.Response:
    """Take an object. As with a presigned URL no token is needed, only an earlier batch request."""
    state = request.app[STATE]
    oid = request.match_info["oid"]
    content = await request.read()
    state.watch.received(request[EXCHANGE], len(content))
    if oid not in state.lfs_expected:
        raise refusals.Refused(403, "SignatureDoesNotMatch")
    if hashlib.sha256(content).hexdigest() != oid:
        raise refusals.malformed("XAmzContentSHA256Mismatch")
    state.lfs_objects[oid] = content
    state.save()
    return web.Response(headers={"ETag": f'"{oid}"'})


async def verify(request: web.Request) -> web.Response:
    """Confirm an upload."""
    asked = await request.json()
    content = request.app[STATE].lfs_objects.get(asked["oid"])
    if content is None or len(content) != asked["size"]:
        raise refusals.no_entry(asked["oid"])
    return web.json_response({"message": "OK"})
