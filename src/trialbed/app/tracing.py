"""Which traces does a sitting send, and what is said of them at its end? Prepares what `trialbed.tracing` needs.

`do_job(..., galileo=GalileoWanted())` is how a command with Galileo's flags asks for it:

    --enable-galileo                GalileoWanted()
    --galileo-project NAME          GalileoWanted(project=NAME); default GALILEO_PROJECT
    --galileo-log-stream NAME       GalileoWanted(log_stream=NAME); default GALILEO_LOG_STREAM
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from random import Random
from typing import Any, NamedTuple

from trialbed.core.clock import SystemClock
from trialbed.core.errors import UserError
from trialbed.core.provenance import package_versions
from trialbed.core.redact import Redactor
from trialbed.core.tracing import UNTRACED, RunSpan
from trialbed.settings import Settings
from trialbed.tracing.content import is_asked_for
from trialbed.tracing.galileo import Galileo, links
from trialbed.tracing.shipping import MOST_S, Exporter, Shipped, Shipping
from trialbed.tracing.span import FinishedSpan
from trialbed.tracing.spans import Pen, RunTrace
from trialbed.tracing.wanted import ENDPOINT, check_installed, collector_in, is_switched_off, shown_address

_AFTER_A_SIGNAL_S = 1.0
_LINES_KEPT = 1_024


@dataclass(frozen=True)
class GalileoWanted:
    """What a command's flags say of Galileo; None = as the variables say."""

    project: str | None = None
    log_stream: str | None = None


@dataclass(frozen=True)
class TracingPlan:
    """Checked, and nothing opened yet. `collector` is as it may be shown; None = none is named.

    `with_content` says that prompts and answers are wanted in the spans.
    """

    collector: str | None = None
    galileo: Galileo | None = None
    with_content: bool = False


def plan_tracing(
    settings: Settings, environment: Mapping[str, str], *, galileo: GalileoWanted | None = None
) -> TracingPlan:
    """What the variables and the flags ask for.

    Raises:
        UserError: it cannot be had: an address or a protocol that is none, no key, or nothing installed to send with.
    """
    collector = collector_in(environment)
    if collector is not None:
        check_installed(ENDPOINT)
    if galileo is None or is_switched_off(environment):
        return TracingPlan(collector, with_content=is_asked_for(environment))
    if settings.galileo_api_key is None:
        raise UserError("GALILEO_API_KEY: not set, so no trace can be sent to Galileo; set it in .env")
    check_installed("--enable-galileo")
    shown_address("GALILEO_CONSOLE_URL", settings.galileo_console_url)
    wanted = Galileo(
        api_key=settings.galileo_api_key.get_secret_value(),
        project=galileo.project or settings.galileo_project,
        log_stream=galileo.log_stream or settings.galileo_log_stream,
        console_url=settings.galileo_console_url.rstrip("/"),
    )
    return TracingPlan(collector, wanted, is_asked_for(environment))


class _Way(NamedTuple):
    shipping: Shipping
    galileo: Galileo | None


class Tracing:
    """The trace of one sitting. `span` is its root; without any way to send it, nothing is noted at all."""

    def __init__(self, ways: list[_Way], span: RunSpan, announce: Callable[[str], None]) -> None:
        self.span = span
        self._ways = ways
        self._announce = announce

    async def end(self, facts: Mapping[str, str | int], *, is_cut: bool) -> None:
        """Close the root span, send what is left as long as that goes on, say what was lost and where to look.

        `is_cut`: the user wants the run to end soon.
        """
        self.span.ended(facts)
        most_s = _AFTER_A_SIGNAL_S if is_cut else MOST_S
        ended = await asyncio.gather(*(way.shipping.close(most_s=most_s) for way in self._ways))
        for way, shipped in zip(self._ways, ended, strict=True):
            if shipped.lost:
                self._announce(_lost_line(shipped))
            if way.galileo is not None and shipped.taken:
                for line in await links(way.galileo):
                    self._announce(line)


def open_tracing(
    plan: TracingPlan, redact: Redactor, announce: Callable[[str], None], facts: Mapping[str, str | int]
) -> Tracing:
    """Begin the trace of a sitting; `facts` are said of its root span as `trialbed.*`."""
    clock, random = SystemClock(), Random()
    ways = _ways(plan, redact, clock)
    if not ways:
        return Tracing([], UNTRACED, announce)
    for way in ways:
        way.shipping.begin()
    pen = Pen(
        trace_id=random.getrandbits(128) or 1,
        take=partial(_take_all, tuple(way.shipping for way in ways)),
        clock=clock,
        random=random,
        # Each line of a dialogue stands in all calls after it; it is looked through once.
        redact_content=lru_cache(_LINES_KEPT)(redact) if plan.with_content else None,
    )
    return Tracing(ways, RunTrace(pen, {f"trialbed.{name}": value for name, value in facts.items()}), announce)


def ending_facts(stands: Mapping[str, Any]) -> dict[str, str | int]:
    """How a sitting stands at its end (see the engine's `how_it_stands`), as facts of its root span."""
    outcomes: Mapping[str, int] = stands.get("outcomes", {})
    counted = {name: int(stands[name]) for name in ("judged", "failed") if name in stands}
    return {"why": str(stands["why"]), **counted, **{f"outcomes.{name}": count for name, count in outcomes.items()}}


def _take_all(shippings: tuple[Shipping, ...], span: FinishedSpan) -> None:
    for shipping in shippings:
        shipping.take(span)


def _ways(plan: TracingPlan, redact: Redactor, clock: SystemClock) -> list[_Way]:
    resource = {"service.name": "trialbed", "service.version": package_versions().get("trialbed", "unknown")}
    found: list[_Way] = []
    if plan.collector is not None:
        make = partial(_exporter, None, None, resource, redact)
        found.append(_Way(Shipping(make, where=plan.collector, clock=clock), None))
    if plan.galileo is not None:
        own = resource | plan.galileo.resource
        make = partial(_exporter, plan.galileo.endpoint, plan.galileo.headers, own, redact)
        found.append(_Way(Shipping(make, where=plan.galileo.console_url, clock=clock), plan.galileo))
    return found


def _exporter(
    endpoint: str | None, headers: Mapping[str, str] | None, resource: Mapping[str, str], redact: Redactor
) -> Exporter:
    # Imported by the thread that sends: a fifth of a second that no trial waits for.
    from trialbed.tracing.otlp import Destination, OtlpExporter

    return OtlpExporter(Destination(endpoint, headers), resource, redact)


def _lost_line(shipped: Shipped) -> str:
    return (
        f"tracing: {shipped.lost} of {shipped.lost + shipped.taken} spans did not reach {shipped.where} "
        f"({shipped.why}): is the collector up, and may you write to it? The run itself lacks nothing"
    )
