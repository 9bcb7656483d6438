"""What may an address or a header be, wherever keys are sent? Pure."""

from ipaddress import ip_address

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
