"""Where in S3 do objects go, and how patient are we? Values only."""

from dataclasses import dataclass
from typing import Literal

Encryption = Literal["AES256", "aws:kms"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class S3Target:
    """A bucket and what all keys in it begin with: nothing, or text that ends with one slash.

    `region` None: that of the SDK's usual settings. `encryption` None: as the bucket is set up; `kms_key_id` None: the
    account's own key for S3.

    Raises:
        ValueError: a key is named for an encryption that takes none.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    encryption: Encryption | None = None
    kms_key_id: str | None = None

    def __post_init__(self) -> None:
        bare = self.prefix.strip("/")
        object.__setattr__(self, "prefix", f"{bare}/" if bare else "")
        if self.kms_key_id is not None and self.encryption != "aws:kms":
            raise ValueError(f"a KMS key is named, but encryption is {self.encryption}; set it to aws:kms")

    @property
    def place(self) -> str:
        """`s3://bucket/prefix`: the name of this destination in receipts. At another place, everything is owed anew."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is sent at once, and how long is waited for what, in seconds.

    `concurrency` bounds the puts under way, `records_at_a_time` the records whose objects are in memory. `gather_s`
    is how long the first thing that can be sent waits for others, so that they share one receipt. `answer_s` bounds
    the silence of the service, `slowest_bytes_per_s` the time a whole put may take.
    """

    concurrency: int = 16
    records_at_a_time: int = 16
    gather_s: float = 0.5
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    multipart_from_bytes: int = 8 * _MIB
    part_bytes: int = 8 * _MIB
    connect_s: float = 10.0
    answer_s: float = 60.0
    slowest_bytes_per_s: float = 50_000.0

    def put_limit_s(self, size: int) -> float:
        """The time one put may take in all: to send `size` bytes, and perhaps to read them back."""
        return 5 * self.answer_s + 2 * size / self.slowest_bytes_per_s
