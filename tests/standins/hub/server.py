"""How does the stand-in start, stop, and show what it saw? A real HTTP server in a background thread."""

import asyncio
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from .accounts import READ_TOKEN, WRITE_TOKEN
from .environment import client_environment
from .faults import Dice, Faults
from .gate import LOOPBACK_NAMES
from .repos import Repo
from .rival import commit_as_rival
from .routes import build_app
from .state import State
from .storage import Storage
from .watch import Exchange, Watch

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0


class HubStandIn:
    """A Hub on 127.0.0.1 for as long as its `with` block lasts.

    With `state_dir` the repos outlive it: another one on the same folder (and `port`) carries on.
    """

    token = WRITE_TOKEN
    read_only_token = READ_TOKEN

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        seed: int = 0,
        state_dir: Path | None = None,
        port: int = 0,
        force_lfs: bool = False,
        log_file: Path | None = None,
    ) -> None:
        """Prepare; nothing listens before `with`. `port` 0: any free one. OSError if `state_dir` cannot be."""
        self._port = port
        self._watch = Watch(log_file)
        storage = Storage(state_dir) if state_dir is not None else None
        self._state = State(faults or Faults(), Dice(seed), self._watch, storage, force_lfs)
        if storage is not None:
            self._state.repos = storage.load_repos()
            self._state.lfs_objects = storage.load_blobs()
        self._started = Event()
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._serve_in_thread, name="hub-stand-in", daemon=True)

    def __enter__(self) -> Self:
        """Listen. Raises OSError when the port is taken."""
        self._thread.start()
        if not self._started.wait(START_TIMEOUT_S):
            raise TimeoutError(f"hub stand-in: not listening after {START_TIMEOUT_S} s")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection, hanging ones included, and stop listening."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._state.stopping.set)
        self._thread.join(STOP_TIMEOUT_S)

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT must be."""
        return self._state.endpoint

    @property
    def faults(self) -> Faults:
        """The fault mix in force; assign another one at any time."""
        return self._state.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._state.faults = faults

    @property
    def log(self) -> list[Exchange]:
        """Every request so far, in the order their answers left."""
        return self._watch.log

    @property
    def strays(self) -> list[Exchange]:
        """Requests a client meant for a host other than this one, caught because it is their proxy."""
        return [exchange for exchange in self.log if exchange.host not in LOOPBACK_NAMES]

    @property
    def fault_counts(self) -> dict[str, int]:
        """How often each fault was injected; absent names mean never."""
        return self._watch.fault_counts

    @property
    def bytes_received(self) -> int:
        """Bytes of commit and LFS bodies, refused ones included."""
        return self._watch.bytes_received

    @property
    def repo_ids(self) -> list[str]:
        """The repos there are."""
        return sorted(self._state.repos)

    def repo(self, repo_id: str) -> Repo:
        """One repo. Raises KeyError when nobody created it."""
        return self._state.repos[repo_id]

    def commit_as_rival(self, repo_id: str) -> str:
        """Have another writer commit right now, in the style `faults` name; returns the new head."""
        repo = self.repo(repo_id)

        async def move_head() -> str:
            self._state.rival_commits += 1
            number, faults = self._state.rival_commits, self._state.faults
            made = commit_as_rival(repo, faults.rival, number, faults.rival_line)
            self._state.save()
            return made.oid

        if self._loop is None:
            raise RuntimeError("hub stand-in: rivals commit inside the `with` block only")
        # on the server's loop, so that it cannot interleave with a client's commit
        return asyncio.run_coroutine_threadsafe(move_head(), self._loop).result(START_TIMEOUT_S)

    def client_environment(self, home: Path, *, token: str | None = WRITE_TOKEN) -> dict[str, str]:
        """Variables of a client process that talks to this Hub only; `home` takes all its caches."""
        return client_environment(self.endpoint, home, token=token)

    def _serve_in_thread(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # whatever it was, the thread waiting in __enter__ must hear of it
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        runner = web.AppRunner(build_app(self._state), access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self._port)
            await site.start()
            (_, port, *_) = runner.addresses[0]
            self._state.endpoint = f"http://127.0.0.1:{port}"
            self._started.set()
            await self._state.stopping.wait()
        finally:
            await runner.cleanup()
