"""Which path is answered by what? Each route has a kind, which decides the faults it can suffer."""

from aiohttp import web

from . import lfs, reads, resolve, writes
from .gate import KINDS, Handler, Kind, gate
from .state import STATE, State

DATASET = "/api/datasets/{namespace}/{name}"
MAX_BODY_BYTES = 2**30
ROUTES: tuple[tuple[Kind, str, str, Handler], ...] = (
    ("read", "GET", "/api/whoami-v2", reads.whoami),
    ("read", "POST", "/api/validate-yaml", writes.validate_yaml),
    ("read", "GET", DATASET, reads.repo_info),
    ("read", "GET", DATASET + "/revision/{revision}", reads.repo_info),
    ("read", "GET", DATASET + "/auth-check", reads.auth_check),
    ("read", "GET", DATASET + "/refs", reads.refs),
    ("read", "GET", DATASET + "/commits/{revision}", reads.commits),
    ("read", "GET", DATASET + "/tree/{revision}", reads.tree),
    ("read", "GET", DATASET + "/tree/{revision}/{path:.*}", reads.tree),
    ("read", "POST", DATASET + "/paths-info/{revision}", reads.paths_info),
    ("read", "GET", "/datasets/{namespace}/{name}/resolve/{revision}/{path:.+}", resolve.resolve),
    ("admin", "POST", "/api/repos/create", writes.create_repo),
    ("admin", "DELETE", "/api/repos/delete", writes.delete_repo),
    ("admin", "PUT", DATASET + "/settings", writes.update_settings),
    ("upload", "POST", DATASET + "/preupload/{revision}", writes.preupload),
    ("upload", "POST", "/datasets/{namespace}/{name}.git/info/lfs/objects/batch", lfs.batch),
    ("upload", "PUT", "/lfs-storage/{oid}", lfs.put),
    ("upload", "POST", "/lfs-verify/{oid}", lfs.verify),
    ("commit", "POST", DATASET + "/commit/{revision}", writes.commit),
)


def build_app(state: State) -> web.Application:
    """The whole Hub as one aiohttp application around `state`."""
    app = web.Application(middlewares=[gate], client_max_size=MAX_BODY_BYTES)
    app[STATE] = state
    app[KINDS] = {handler: kind for kind, _, _, handler in ROUTES}
    for _, method, path, handler in ROUTES:
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)
    return app
