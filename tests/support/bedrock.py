"""The stand-in for Bedrock: as a process with its own account of what was asked, or in a thread to be changed.

The account (one JSON line per request) is independent of the program under test.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.project import CHECKOUT, PATIENCE_S, clean_environment
from trialbed.plugins import scan
from trialbed.providers.rehearsal.config import RehearsalConfig
from trialbed.providers.rehearsal.server import RehearsalServer

SUBJECT = "amazon.nova-pro-v1:0"
JUDGE = "amazon.nova-lite-v1:0"


def real_environment(
    url: str, *, subjects: str = f"bedrock:{SUBJECT}", judges: str = f"bedrock:{JUDGE}"
) -> dict[str, str]:
    """What a user sets for a run on Bedrock; the endpoint is the stand-in's."""
    return {
        "SUBJECT_MODELS": subjects,
        "JUDGE_MODELS": judges,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
        "AWS_SECRET_ACCESS_KEY": "example-secret-key-that-opens-nothing-000",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
    }


@dataclass(frozen=True)
class Request:
    """One line of the stand-in's account."""

    line: Mapping[str, Any]

    @property
    def body(self) -> Mapping[str, Any]:
        return self.line["body"] or {}

    @property
    def model(self) -> str:
        return str(self.line["model_id"])

    @property
    def trial(self) -> str | None:
        """The trial it was made for; None for the small calls made to see whether a model answers."""
        trial: str | None = (self.body.get("requestMetadata") or {}).get("trialbed_trial")
        return trial

    @property
    def is_judge(self) -> bool:
        return "toolConfig" in self.body or "textFormat" in self.body.get("outputConfig", {})

    @property
    def was_answered(self) -> bool:
        """A whole and readable answer was handed to the connection."""
        return self.line["status"] == 200 and self.line["fault"] is None and bool(self.line["delivered"])

    @property
    def received_at(self) -> str:
        return str(self.line["received_at"])

    @property
    def key(self) -> str:
        """The same for two requests that ask the same in the same trial."""
        whole = json.dumps([self.model, self.body], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    @property
    def earlier_replies(self) -> list[str]:
        """The subject's own words that travel with a later turn."""
        said = [message for message in self.body.get("messages", ()) if message["role"] == "assistant"]
        return ["".join(block.get("text", "") for block in message["content"]) for message in said]


def requests_in(log: Path) -> list[Request]:
    """Every request so far that is over, preliminary calls included."""
    if not log.exists():
        return []
    lines = log.read_bytes().split(b"\n")[:-1]
    return [Request(json.loads(line)) for line in lines]


def repeated(requests: Iterable[Request]) -> list[Request]:
    """Requests that were made although the same one had been answered before."""
    answered: set[str] = set()
    again = []
    for request in sorted(requests, key=lambda one: one.received_at):
        if request.key in answered:
            again.append(request)
        if request.was_answered:
            answered.add(request.key)
    return again


@dataclass(frozen=True)
class Bedrock:
    """A stand-in in a process of its own."""

    url: str
    log: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def requests(self) -> list[Request]:
        """Requests made for trials, in the order in which they were over."""
        return [request for request in requests_in(self.log) if request.trial is not None]

    def environment(self) -> dict[str, str]:
        return real_environment(self.url)


@contextmanager
def bedrock_process(
    config: Mapping[str, Any] | None = None, *, log: Path, root: Path = CHECKOUT, port: int = 0
) -> Iterator[Bedrock]:
    """`python -m trialbed rehearsal-server` in `root`, whose experiments bring their personas."""
    command = [sys.executable, "-m", "trialbed", "rehearsal-server", "--port", str(port)]
    command += ["--config", json.dumps(dict(config or {})), "--log", str(log)]
    home = log.parent / "bedrock-home"
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command, cwd=root, env=clean_environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    with listening(process) as url:
        yield Bedrock(url, log, process)


@contextmanager
def listening(process: subprocess.Popen[str]) -> Iterator[str]:
    """The address a server says in its first line; it is ended afterwards.

    Raises:
        RuntimeError: it ended before it listened.
    """
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the stand-in ended with {process.wait(PATIENCE_S)} before it listened")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def bedrock_thread(
    config: RehearsalConfig, *, root: Path = CHECKOUT, personas: Sequence[Any] | None = None
) -> Iterator[RehearsalServer]:
    """A stand-in in a thread of the test, which may `change` how it behaves while a run is going.

    `personas` instead of those that the experiments in `root` bring.
    """
    if personas is None:
        personas = [persona for found in scan(root).experiments.values() for persona in found.experiment.personas()]
    server = RehearsalServer(config, personas=personas)
    listening, ready = threading.Event(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            listening.set()
            await stop.wait()

    def work() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            listening.set()
            loop.close()

    thread = threading.Thread(target=work, name="bedrock stand-in", daemon=True)
    thread.start()
    listening.wait(PATIENCE_S)
    assert ready.is_set(), "the stand-in does not listen"
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
