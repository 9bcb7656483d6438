"""What may be connected to? Public addresses by https, and this machine. Pure.

A results server is named by a variable that may come from a file somebody else wrote: it must not become a way to the
services of a private network, or to a cloud's metadata with the credentials it gives away.
"""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from yarl import URL

from trialbed.core.http_rules import is_loopback_host

Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_MORE_REFUSED = (
    (IPv4Network("100.64.0.0/10"), "shared between carriers"),
    (IPv4Network("192.0.0.0/24"), "for the network itself"),
    (IPv4Network("168.63.129.16/32"), "of a cloud's metadata"),
    (IPv4Network("169.254.0.0/16"), "link-local, as a cloud's metadata is"),
)


def address_problem(url: str) -> str | None:
    """Why nothing may be sent to this URL, in a few words without any of its secrets; None = it may, as far as can be
    seen without resolving its name."""
    try:
        parts = URL(url)
        host = parts.host
    except ValueError:
        return "is no URL; write it as https://host/path"
    if parts.scheme not in ("https", "http") or not host:
        return "is no URL of a web server; write it as https://host/path"
    if not url.isascii() or any(sign.isspace() or not sign.isprintable() for sign in url):
        return "holds signs that a URL may not have; correct it"
    if parts.raw_user is not None or parts.raw_password is not None:
        return "holds a user name or a password; take them out, the key is sent in a header"
    return _host_problem(host, is_plain=parts.scheme == "http")


def _host_problem(host: str, *, is_plain: bool) -> str | None:
    literal = literal_of(host)
    if literal is None and _is_odd_number(host):
        return f"has the address {host} in an unusual form; write its four numbers, or a name"
    is_here = is_loopback_host(host)
    if is_plain and not is_here:
        return f"must begin with https:// (plain http only to this machine, not to {host}); correct it"
    if literal is not None and (why := why_refused(literal, is_loopback_fine=is_here)) is not None:
        return f"must be a public address, or this machine: {host} is {why}"
    return None


def literal_of(host: str) -> Address | None:
    """The address that a host is written as; None = it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_odd_number(host: str) -> bool:
    """Whether the system would read it as an address all the same: 2130706433, 0x7f.1, 127.1."""
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def why_refused(address: Address, *, is_loopback_fine: bool) -> str | None:
    """What kind of address it is, if nothing may be sent there; None = something may.

    Args:
        is_loopback_fine: the URL itself names this machine. A name of somebody else's that leads here does not.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "link-local"
        inner = _embedded(address)
        if inner is not None:
            return why_refused(inner, is_loopback_fine=False)
    if address.is_loopback:
        return None if is_loopback_fine else "of this machine, under another name"
    for network, kind in _MORE_REFUSED:
        if address in network:
            return kind
    return _kind_of(address)


def _kind_of(address: Address) -> str | None:
    is_site_local = isinstance(address, IPv6Address) and address.is_site_local
    kinds = {
        "unspecified": address.is_unspecified,
        "link-local": address.is_link_local,
        "a multicast address": address.is_multicast,
        "private": address.is_private,
        "reserved": address.is_reserved or is_site_local or not address.is_global,
    }
    return next((kind for kind, holds in kinds.items() if holds), None)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
