"""Which addresses does a name lead to, and may they be connected to? Asked anew for each connection.

What is checked here is what is connected to: the HTTP client looks nothing up by itself.
"""

import socket

import anyio
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from trialbed.core.http_rules import is_loopback_host
from trialbed.sinks.ingest.address import literal_of, why_refused
from trialbed.sinks.ingest.faults import Passing, Refused
from trialbed.sinks.ingest.target import IngestTarget

_LOOK_UP_S = 10.0


class AddressRefused(OSError):
    """A name leads to where nothing may be sent. The text says where and why."""


class GuardedResolver(AbstractResolver):
    """The system's resolver; of a name that leads to a refused address, no address is given."""

    def __init__(self) -> None:
        self._resolver: AbstractResolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises:
        AddressRefused: any of the addresses may not be connected to.
        OSError: the name cannot be resolved.
        """
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            check_address(host, one["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()


def check_address(host: str, address: str) -> None:
    """Raises:
    AddressRefused: `host` leads to `address`, and nothing may be sent there.
    """
    literal, is_here = literal_of(address), is_loopback_host(host)
    if literal is None:
        why: str | None = "no address"
    elif is_here and not literal.is_loopback:
        # Plain http is for this machine alone.
        why = "not this machine"
    else:
        why = why_refused(literal, is_loopback_fine=is_here)
    if why is not None:
        raise AddressRefused(f"{host} leads to {address}, which is {why}")


async def look_up(target: IngestTarget) -> None:
    """See where a server's name leads, without connecting to anything.

    Raises:
        Refused: to where nothing may be sent.
        Passing: that cannot be found out now.
    """
    host = target.results.host or ""
    resolver = GuardedResolver()
    try:
        with anyio.fail_after(_LOOK_UP_S):
            if literal_of(host) is None:
                await resolver.resolve(host, target.results.port or 0, socket.AF_UNSPEC)
    except AddressRefused as refused:
        raise Refused(refusal(refused)) from None
    except OSError as error:
        # Running out of time is one of them, too.
        raise Passing(f"INGEST_API_URL: {host} leads nowhere now ({type(error).__name__})") from None
    finally:
        await resolver.close()


def refusal(refused: AddressRefused) -> str:
    """What the user is told of it."""
    return f"INGEST_API_URL: must be a public address, or this machine: {refused}"
