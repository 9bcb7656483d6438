"""Who is asking, and may they write here?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from . import refusals

WRITE_TOKEN = "hf_standin_write_token_000000000000"
READ_TOKEN = "hf_standin_read_token_0000000000000"
USER = "user"
FOREIGN_NAMESPACE = "somebody-else"


@dataclass(frozen=True, slots=True)
class Account:
    """A user as one of their tokens sees them. Writes anywhere but in `FOREIGN_NAMESPACE`."""

    name: str
    role: Literal["write", "read"]

    def require_write(self, repo_id: str, what: str) -> None:
        """Raise Refused(403) for a read-only token or a foreign namespace."""
        if self.role != "write":
            raise refusals.read_only(what)
        namespace = repo_id.split("/")[0]
        if namespace == FOREIGN_NAMESPACE:
            raise refusals.not_yours(namespace)


ACCOUNTS: Mapping[str, Account] = {
    WRITE_TOKEN: Account(USER, "write"),
    READ_TOKEN: Account(USER, "read"),
}


def account_of(authorization: str | None) -> Account | None:
    """The account of an Authorization header; None without one. Raises Refused(401) for an unknown token."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token not in ACCOUNTS:
        raise refusals.bad_token()
    return ACCOUNTS[token]
