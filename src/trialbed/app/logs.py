"""Where do messages go? To `run.log` of the run and, the important ones, to the user; never a secret."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from trialbed.core.text import for_terminal

LOGGER = "trialbed"
_IN_FILE = "%(asctime)s [%(levelname)s] %(name)s: %(message)s"
_ON_SCREEN, _CLOCK = "%(asctime)s [%(levelname)s] %(message)s", "%H:%M:%S"


class _Redacting(logging.Formatter):
    """Redacts the finished line, tracebacks included."""

    def __init__(self, redact: Callable[[str], str], form: str = _IN_FILE, times: str | None = None) -> None:
        super().__init__(form, times)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def open_log(path: Path, level: str, redact: Callable[[str], str]) -> logging.Handler:
    """Log this process to `path`. Libraries are kept at WARNING: their debug lines hold headers and bodies."""
    path.touch(mode=0o600)
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Redacting(redact))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(level)
    # Handlers that libraries add for themselves would write past the redaction.
    for name in ("huggingface_hub", "datasets", "botocore", "aiobotocore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def log_to_stderr(redact: Callable[[str], str]) -> logging.Handler:
    """Show what this program logs as lines `HH:MM:SS [LEVEL] …`; nothing of other libraries."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(lambda line: for_terminal(redact(line)), _ON_SCREEN, _CLOCK))
    handler.addFilter(logging.Filter(LOGGER))
    logging.getLogger().addHandler(handler)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    return handler


def close_log(handler: logging.Handler) -> None:
    logging.getLogger().removeHandler(handler)
    handler.close()
