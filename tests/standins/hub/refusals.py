"""How does the Hub say no? One exception type, with the status and header code the real client reads."""


class Refused(Exception):
    """The Hub's answer is an error. Turned into a response in one place, the gate."""

    def __init__(self, status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None):
        """`code` goes to X-Error-Code, which decides the client's exception class; `message` to the body."""
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


def bad_token() -> Refused:
    """A token nobody has."""
    return Refused(401, "Invalid credentials in Authorization header")


def no_login() -> Refused:
    """No token where one is needed."""
    return Refused(401, "Invalid username or password.")


def read_only(what: str) -> Refused:
    """A token that may only read."""
    return Refused(403, f"Forbidden: you must use a write token to {what}")


def not_yours(namespace: str) -> Refused:
    """A namespace of somebody else."""
    return Refused(403, f'You don\'t have the rights to create a dataset under the namespace "{namespace}"')


def no_repo(*, logged_in: bool) -> Refused:
    """Missing, or private and not to be told about: the real Hub says 401 to strangers and 404 to others."""
    return Refused(404 if logged_in else 401, "Repository not found", code="RepoNotFound")


def no_revision(revision: str) -> Refused:
    """No such branch or commit."""
    return Refused(404, f"Invalid rev id: {revision}", code="RevisionNotFound")


def no_entry(path: str, *, commit_oid: str | None = None) -> Refused:
    """No such file at that commit."""
    headers = {} if commit_oid is None else {"X-Repo-Commit": commit_oid}
    return Refused(404, f"{path} does not exist", code="EntryNotFound", headers=headers)


def nothing_to_delete(path: str) -> Refused:
    """A commit deletes what is not there."""
    return Refused(404, f"A file with this name doesn't exist: {path}", code="EntryNotFound")


def stale_parent() -> Refused:
    """`parentCommit` is no longer the head."""
    return Refused(412, "A commit has happened since. Please refresh and try again.")


def commit_in_progress() -> Refused:
    """Another commit holds the lock."""
    return Refused(409, "Another commit is in progress, please retry")


def too_many_commits(retry_after_s: int | None) -> Refused:
    """The commit quota is used up."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Refused(429, "You have exceeded the rate limit for repository commits", headers=headers)


def malformed(why: str) -> Refused:
    """A request the Hub cannot read."""
    return Refused(400, why)
