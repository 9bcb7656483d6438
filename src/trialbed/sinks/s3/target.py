"""Where do files go, and how patiently? Values only."""

from dataclasses import dataclass
from typing import Literal

Encryption = Literal["AES256", "aws:kms"]


@dataclass(frozen=True, slots=True)
class S3Target:
    """A bucket, and what all names in it begin with.

    `encryption` is asked for with every file, None = the bucket's own; `kms_key_id` belongs to aws:kms.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    encryption: Encryption | None = None
    kms_key_id: str | None = None

    def __post_init__(self) -> None:
        trimmed = self.prefix.strip("/")
        object.__setattr__(self, "prefix", f"{trimmed}/" if trimmed else "")

    @property
    def place(self) -> str:
        """By which receipts name it: what went to another place is owed here. No slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Pace:
    """`concurrency` files at a time. Waits are seconds; a file of `multipart_from_bytes` or more goes in parts."""

    concurrency: int = 16
    connect_s: float = 10.0
    answer_s: float = 60.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    multipart_from_bytes: int = 8 * 1024 * 1024
    part_bytes: int = 8 * 1024 * 1024
