"""Does the environment ask for traces, and can they be had? OpenTelemetry's own variables; imports nothing of it."""

from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from trialbed.core.errors import UserError

ENDPOINT, TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_BUILT = "http/protobuf"
_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def is_switched_off(environment: Mapping[str, str]) -> bool:
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").lower().replace(" ", "").split(",")
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == ["none"]


def collector_in(environment: Mapping[str, str]) -> str | None:
    """The collector that OTEL_EXPORTER_OTLP_* name, as it may be shown; None = none, or switched off.

    Raises:
        UserError: its address is none, or it is to be spoken to in a protocol that is not built.
    """
    name = next((name for name in (TRACES_ENDPOINT, ENDPOINT) if environment.get(name, "").strip()), None)
    if name is None or is_switched_off(environment):
        return None
    for variable in _PROTOCOLS:
        asked = environment.get(variable, "").strip()
        if asked and asked != _BUILT:
            raise UserError(f"{variable}: {asked!r} is not built; traces go by {_BUILT}, mostly at port 4318: set that")
    return shown_address(name, environment[name])


def shown_address(name: str, address: str) -> str:
    """Scheme, host and port: what else an address has may be a key.

    Raises:
        UserError: it is no http address. `name` is the variable it came from.
    """
    parts = urlsplit(address.strip())
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"{name}: not an http address; write it like http://localhost:4318")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def check_installed(asked_by: str) -> None:
    """Raises:
    UserError: what sends traces is not installed.
    """
    try:
        is_there = all(find_spec(package) is not None for package in _PACKAGES)
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise UserError(
            f"{asked_by}: what sends traces is not installed: 'make tracing' adds it (or pip install "
            "'trialbed[tracing]'); OTEL_SDK_DISABLED=true goes without"
        )
