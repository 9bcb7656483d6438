"""What can keep a result from being delivered, named by what to do next?

Messages are one line: what, where, what to do; without secrets.
"""


class IngestFault(Exception):
    """The server is not known to have it."""


class Passing(IngestFault):
    """Whether it arrived may be unknown. Try again; `asked_s` is how long the server asks to be left alone."""

    def __init__(self, text: str, *, asked_s: float | None = None) -> None:
        super().__init__(text)
        self.asked_s = asked_s


class Rejected(IngestFault):
    """The server is there and does not take this one."""


class NoArrays(IngestFault):
    """The server does not take arrays, or says nothing of their items that could be understood."""


class NotKept(IngestFault):
    """The server has no address for reports of errors."""


class Refused(IngestFault):
    """Nothing will be taken before the user does something; the message says what."""
