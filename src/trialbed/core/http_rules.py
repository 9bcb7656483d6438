"""What may an address or a header be, wherever keys are sent, and what does a `Retry-After` ask for? Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from math import isfinite

LOOPBACK_NAME = "localhost"


def is_loopback_host(host: str) -> bool:
    """Whether a URL names this machine itself, by its one name or by an address of its own: plain http may go there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == LOOPBACK_NAME


def is_header_value(text: str) -> bool:
    """Whether a key can be sent in a header: ASCII that is seen, without spaces."""
    return text.isascii() and text.isprintable() and " " not in text


def seconds_asked(header: str | None, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for, as a number or as a date (RFC 9110, 10.2.3); None = it says nothing
    that can be understood."""
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if isfinite(seconds) else None
