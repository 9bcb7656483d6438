"""Where do results go, and how patient are we? Values only."""

import hashlib
from dataclasses import dataclass, field

from yarl import URL

_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class IngestTarget:
    """A results server. `url` has passed `address.address_problem`; with a `batch_size` above 1 it takes arrays."""

    url: str
    key: str = field(repr=False)
    batch_size: int = 1

    @property
    def place(self) -> str:
        """The name of this destination in receipts. At another place, everything is owed anew.

        What follows a `?` may be secret, so the name has eight characters of its SHA-256.
        """
        url = URL(self.url)
        query = url.raw_query_string
        told = str(url.with_query(None).with_fragment(None))
        return f"{told}?{hashlib.sha256(query.encode()).hexdigest()[:8]}" if query else told

    @property
    def results(self) -> URL:
        """Where results are posted."""
        return URL(self.url).with_fragment(None)

    @property
    def errors(self) -> URL:
        """Where reports of errors are posted: the same path and `/error`, before any query."""
        url = self.results
        path = f"{url.raw_path.rstrip('/')}/error"
        return URL.build(
            scheme=url.scheme,
            authority=url.raw_authority,
            path=path,
            query_string=url.raw_query_string,
            encoded=True,
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is sent at once, how often, and how long is waited for what, in seconds.

    `attempts` bounds the tries at one result in a sitting, or until `try_again`. Waits between them have a cap that
    doubles from `retry_first_s` up to `retry_most_s`; up to `rejected_most_s` where the server is there and says no:
    that a result is looked at again needs no long wait, and who runs a command should hear of it. `gather_s` is how
    long the first result of a batch waits for others. `outage_from` is how many failures in a row are taken for an
    outage: from then on one request at a time finds out whether it is over. `attempt_s` bounds a whole attempt,
    `connect_s` the part of it until there is a connection.
    """

    concurrency: int = 4
    attempts: int = 6
    gather_s: float = 1.0
    retry_first_s: float = 0.5
    retry_most_s: float = 15.0
    rejected_most_s: float = 4.0
    retry_after_most_s: float = 300.0
    outage_from: int = 3
    connect_s: float = 10.0
    attempt_s: float = 30.0
    most_body_bytes: int = _MIB
    most_answer_bytes: int = 64 * _KIB
