"""What does it mean that no request could be made? Mostly that there is no token to sign it with."""

from collections.abc import Callable, Iterator

from trialbed.core import errors

_BY_NAME: dict[str, type[errors.CallError]] = {
    "TransportError": errors.Unreachable,
    "TimeoutError": errors.Unreachable,
    "GoogleAuthError": errors.CredentialsExpired,
}


def build_error(error: Exception, redact: Callable[[str], str], *, has_tokens: bool) -> errors.CallError | None:
    """What `error` means, by the error of Google's authentication that it came from; None if it is a bug.

    LiteLLM wraps what is raised inside it, often more than once. `has_tokens` says that requests to this provider are
    signed with tokens: then anything that LiteLLM raises is about their credentials.
    """
    for cause in _causes(error):
        for kind in type(cause).__mro__:
            if kind.__module__.startswith("google.auth") and kind.__name__ in _BY_NAME:
                detail = redact(" ".join(str(cause).split()))[:500]
                return _BY_NAME[kind.__name__](detail, code=type(cause).__name__)
    if type(error).__module__.startswith("litellm"):
        meaning = errors.CredentialsExpired if has_tokens else errors.InvalidRequest
        return meaning(redact(" ".join(str(error).split()))[:500], code=type(error).__name__)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
