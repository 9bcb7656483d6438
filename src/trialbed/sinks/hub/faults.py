"""What can go wrong between us and the Hub, named by what to do next. Messages are one line, without secrets."""


class HubFault(Exception):
    """Anything that kept an answer of the Hub from being a success."""


class Unreached(HubFault):
    """No answer, or one that says nothing: whether it happened is unknown. Look, then try again."""


class Conflicted(HubFault):
    """Another commit is in progress or came first, so ours did not happen. Look, then try again."""


class QuotaReached(HubFault):
    """Too many commits: try again after `retry_after_s`, if the Hub named a time."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(HubFault):
    """The Hub did not like this request; if it says so again, it will not pass."""


class Refused(HubFault):
    """It will not pass before the user does something; the message says what."""


class RepoMissing(Refused):
    """There is no such repo, or this token may not see it."""
