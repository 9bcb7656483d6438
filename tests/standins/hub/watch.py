"""What happened on the wire? Request log, fault counts and bytes received, readable from any thread."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from .faults import Fault


@dataclass(slots=True)
class Exchange:
    """One request. `status` is None when the connection was cut or hung; `host` is the one it was meant for."""

    method: str
    path: str
    host: str
    status: int | None = None
    fault: Fault | None = None
    rival: bool = False
    bytes_received: int = 0


class Watch:
    """Collects exchanges; also writes them as JSON lines to `log_file` when there is one."""

    def __init__(self, log_file: Path | None = None) -> None:
        """Watch nothing yet."""
        self._lock = Lock()
        self._log_file = log_file
        self._exchanges: list[Exchange] = []
        self._faults: Counter[str] = Counter()
        self._bytes_received = 0

    def injected(self, exchange: Exchange, fault: Fault) -> None:
        """Count a fault at the moment it is injected, long before a hang ends."""
        with self._lock:
            self._faults[fault.value] += 1
        if fault is Fault.RIVAL:
            exchange.rival = True
        else:
            exchange.fault = fault

    def received(self, exchange: Exchange, size: int) -> None:
        """Count the body of a commit or an LFS upload."""
        with self._lock:
            self._bytes_received += size
        exchange.bytes_received += size

    def ended(self, exchange: Exchange) -> None:
        """Log an exchange; called once, before its answer leaves (when it hangs: as it starts to)."""
        with self._lock:
            self._exchanges.append(exchange)
            if self._log_file is not None:
                with self._log_file.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(asdict(exchange)) + "\n")

    @property
    def log(self) -> list[Exchange]:
        """Every exchange so far."""
        with self._lock:
            return list(self._exchanges)

    @property
    def fault_counts(self) -> dict[str, int]:
        """How often each fault was injected, by its name; absent names mean never."""
        with self._lock:
            return dict(self._faults)

    @property
    def bytes_received(self) -> int:
        """Bytes of commit and LFS bodies, refused ones included."""
        with self._lock:
            return self._bytes_received
