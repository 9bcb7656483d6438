"""Which faults may the stand-in inject, and which one does this request get?

Knows nothing of HTTP. Every draw comes from `random.Random(seed)`, and each commit request draws the same
number of floats whatever comes out, so a seed and an order of requests give the same faults again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from random import Random
from typing import Any, Literal

RivalStyle = Literal["file", "append"]

SERVER_ERRORS = (500, 502, 503, 504)


class Fault(StrEnum):
    """Names under which injected faults are counted and logged."""

    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    CONFLICT = "conflict"
    THROTTLE = "throttle"
    RIVAL = "rival"
    READ_ERROR = "read_error"
    READ_CUT = "read_cut"
    UPLOAD_ERROR = "upload_error"
    OUTAGE = "outage"
    HANG_ALL = "hang_all"


DRAWN_ON_COMMITS = (
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.CUT_BEFORE,
    Fault.CUT_AFTER,
    Fault.HANG_BEFORE,
    Fault.HANG_AFTER,
    Fault.CONFLICT,
)
AFTER_APPLYING = frozenset({Fault.ERROR_AFTER, Fault.CUT_AFTER, Fault.HANG_AFTER})


@dataclass(frozen=True, slots=True)
class Faults:
    """The fault mix. Floats are probabilities per request; at most one of them is drawn for a commit.

    `*_before`: nothing was committed. `*_after`: the commit happened and the client is not told.
    `throttle_every` and `rival_every` count commit requests; 0 switches them off. `read_*` hit every
    request that changes nothing, `upload_error` the pre-upload and LFS requests. A rival adds the file
    `rival/<n>.txt`, or appends `rival_line`, its `{n}` replaced, to `game_logs.jsonl`.
    """

    error_before: float = 0.0
    error_after: float = 0.0
    cut_before: float = 0.0
    cut_after: float = 0.0
    hang_before: float = 0.0
    hang_after: float = 0.0
    conflict: float = 0.0
    throttle_every: int = 0
    retry_after_s: int | None = None
    rival_every: int = 0
    rival: RivalStyle = "file"
    rival_line: str = '{"trial_id": "rival-{n}"}'
    read_error: float = 0.0
    read_cut: float = 0.0
    upload_error: float = 0.0
    outage: bool = False
    hang_all: bool = False

    def __post_init__(self) -> None:
        """Refuse a mix that cannot be drawn. Raises ValueError."""
        for mix in (DRAWN_ON_COMMITS, (Fault.READ_ERROR, Fault.READ_CUT), (Fault.UPLOAD_ERROR,)):
            shares = [float(getattr(self, name)) for name in mix]
            if min(shares) < 0 or sum(shares) > 1 + 1e-9:
                raise ValueError(f"faults: {', '.join(mix)}: shares must be >= 0 and sum to at most 1, got {shares}")
        if self.throttle_every < 0 or self.rival_every < 0:
            raise ValueError("faults: throttle_every, rival_every: must be 0 (off) or a positive count")
        if self.rival not in ("file", "append"):
            raise ValueError(f"faults: rival: must be 'file' or 'append', got {self.rival!r}")

    @classmethod
    def always(cls, fault: Fault) -> "Faults":
        """A mix in which one drawn fault hits every request it can. Raises ValueError for one that is not drawn."""
        if fault not in (*DRAWN_ON_COMMITS, Fault.READ_ERROR, Fault.READ_CUT, Fault.UPLOAD_ERROR):
            raise ValueError(f"faults: {fault} is a switch or a count, not a share")
        return cls.from_json(json.dumps({fault.value: 1.0}))

    @classmethod
    def from_json(cls, text: str) -> "Faults":
        """Read a JSON object whose keys are field names. Raises ValueError on anything else."""
        data: Any = json.loads(text)
        known = {field.name for field in fields(cls)}
        if not isinstance(data, Mapping) or not known.issuperset(data):
            raise ValueError(f"faults: must be a JSON object with keys among {sorted(known)}, got {text!r}")
        return cls(**data)

    def to_json(self) -> str:
        """The same mix as one line of JSON, as `from_json` and the command line take it."""
        return json.dumps(asdict(self))


class Dice:
    """The stand-in's only source of chance. Commits, reads and uploads roll apart, so reads never shift commits."""

    def __init__(self, seed: int) -> None:
        """Roll from `seed`."""
        self._commits = Random(f"{seed}/commits")
        self._reads = Random(f"{seed}/reads")
        self._uploads = Random(f"{seed}/uploads")
        self._statuses = Random(f"{seed}/statuses")

    def for_commit(self, faults: Faults) -> Fault | None:
        """The fault of one commit request."""
        return _pick(self._commits.random(), faults, DRAWN_ON_COMMITS)

    def for_read(self, faults: Faults) -> Fault | None:
        """The fault of one request that changes nothing."""
        return _pick(self._reads.random(), faults, (Fault.READ_ERROR, Fault.READ_CUT))

    def for_upload(self, faults: Faults) -> Fault | None:
        """The fault of one pre-upload or LFS request."""
        return _pick(self._uploads.random(), faults, (Fault.UPLOAD_ERROR,))

    def server_error(self) -> int:
        """Which 5xx to answer."""
        return self._statuses.choice(SERVER_ERRORS)


def _pick(roll: float, faults: Faults, names: tuple[Fault, ...]) -> Fault | None:
    for name in names:
        roll -= float(getattr(faults, name))
        if roll < 0:
            return name
    return None
