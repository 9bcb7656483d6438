"""How does the benchmark start its stand-in for Bedrock, and read what that has counted?"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.bedrock import JUDGE, SUBJECT, listening, real_environment
from tests.support.project import CHECKOUT, PATIENCE_S, clean_environment


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that mattered. Times are seconds since 1970."""

    arrived_s: float
    answered_s: float
    status: int
    tokens: float


@dataclass(frozen=True)
class FarSide:
    """A stand-in in a process of its own."""

    url: str

    def environment(self) -> dict[str, str]:
        """What points our program and any AWS SDK at it."""
        variables = real_environment(self.url, subjects=f"bedrock:{SUBJECT}", judges=f"bedrock:{JUDGE}")
        return variables | {"AWS_DEFAULT_REGION": variables["AWS_REGION"]}

    def count(self) -> dict[str, int]:
        """How many requests that matter were asked, answered and throttled so far."""
        found: dict[str, int] = self._get("/count")
        return found

    def asked(self) -> list[Asked]:
        """Every request that mattered and is over, in order of arrival."""
        columns = self._get("/account")
        names = ("arrived_s", "answered_s", "status", "tokens", "matters")
        rows = zip(*(columns[name] for name in names), strict=True)
        return [Asked(*row) for *row, matters in rows if matters and row[2]]

    def bodies(self) -> list[dict[str, Any]]:
        """`{"model", "body"}` of every request, if the stand-in was told to keep them."""
        kept: list[dict[str, Any]] = self._get("/bodies")
        return kept

    def forget(self) -> None:
        """Count from nothing, with full buckets."""
        self._get("/forget", b"")

    def _get(self, path: str, data: bytes | None = None) -> Any:
        # a request object without proxies: the benchmark may itself be run behind one
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, data=data, timeout=PATIENCE_S) as answer:
            return json.load(answer)


@contextmanager
def far_side(
    home: Path,
    *,
    latency_s: float = 0.0,
    requests_per_second: float | None = None,
    tokens_per_minute: float | None = None,
    mark: str = "",
    keep_bodies: bool = False,
) -> Iterator[FarSide]:
    """Run `python -m tests.bench.standin` until the block ends.

    Raises:
        RuntimeError: it ended before it listened.
    """
    command = [sys.executable, "-m", "tests.bench.standin", "--latency-s", str(latency_s), "--mark", mark]
    command += ["--requests-per-second", str(requests_per_second)] if requests_per_second is not None else []
    command += ["--tokens-per-minute", str(tokens_per_minute)] if tokens_per_minute is not None else []
    command += ["--keep-bodies"] if keep_bodies else []
    home.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=clean_environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    with listening(process) as url:
        yield FarSide(url)
