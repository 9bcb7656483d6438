"""What can go wrong, named for the boundary that was crossed.

`UserError` is for the person at the keyboard. `CallError` and its children are for the retry layer:
each row of Bedrock's error table has its class, and nothing else decides how to go on.
"""


class UserError(Exception):
    """The user can fix it. The text is one line: what, where, what to do. Exit code 2."""


class CallError(Exception):
    """One attempt at a model call failed.

    `code` and `http_status` are the provider's, `detail` its message, `request_id` its id for the attempt,
    `retry_after_s` how long it asks to be left alone; None = it does not say.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return (
            f"{self.code or type(self).__name__}: {self.detail}" if self.detail else (self.code or type(self).__name__)
        )


class Throttled(CallError):
    """429: the quota is used up for now. Slow down and ask again."""


class WarmingUp(CallError):
    """429 ModelNotReady: the model is being loaded. Ask again after a long wait."""


class ServiceFault(CallError):
    """5xx, or a gateway's HTML instead of an answer. Ask again."""


class Unreachable(CallError):
    """No connection could be made, so nothing was asked or paid: ask again until the deadline."""


class ModelTimedOut(CallError):
    """408: the model took too long; probably paid. Ask again once or twice."""


class ModelFault(CallError):
    """424 whose original status was transient. Ask again."""


class BrokenStream(CallError):
    """A stream ended with an error event; what had come is an attempt, never an answer."""


class ConnectionCut(CallError):
    """No complete answer arrived (reset, read time-out, cut body): probably paid. Ask again."""


class MalformedBody(CallError):
    """A 200 whose body is not an answer. Ask again."""


class InvalidRequest(CallError):
    """400: this request will never be taken as it is."""


class QuotaExhausted(CallError):
    """400 ServiceQuotaExceeded: nothing more from this model for now."""


class ModelUnavailable(CallError):
    """403/404: no access, no such model, or one at the end of its life."""


class CredentialsExpired(CallError):
    """The credentials are no longer taken: pause, refresh, go on."""


class GaveUp(Exception):
    """A call ended without an answer: deadline or attempts used up, or an error that does not pass."""

    def __init__(self, last: CallError, *, attempts: int) -> None:
        super().__init__(f"{last} (after {attempts} attempt{'s' if attempts != 1 else ''})")
        self.last = last
        self.attempts = attempts


class ModelStopped(Exception):
    """This model was stopped earlier in the run; the text says why."""


class Drained(Exception):
    """The run is stopping and there is no time left for another call."""
