"""What reply does a body make? Pure, but for the estimate of tokens where a provider tells none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trialbed.core.model import AnswerForm, ModelReply, Usage
from trialbed.core.timing import StreamTiming
from trialbed.providers.answer_forms import AnswerMode, json_object
from trialbed.providers.body import Repairs
from trialbed.providers.litellm.answers.reading import Reading

_ORDINARY = ("default", "standard", "standard_only", "on_demand", "ON_DEMAND", "auto")
"""What providers call the tier whose prices they publish first."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a reply says beside the answer itself."""

    sent: Mapping[str, Any]
    unsupported: tuple[str, ...]
    request_id: str | None
    timing: StreamTiming | None


def reply_of(
    reading: Reading,
    *,
    form: AnswerForm | None,
    mode: AnswerMode | None,
    around: Circumstances,
    estimate: Callable[[str], Usage],
) -> ModelReply:
    """The reply. Where no tokens were told, they are estimated, and `echoed` says so.

    Raises:
        NotAnAnswer: the structured answer holds what is no JSON.
    """
    repairs = Repairs()
    text, reasoning = repairs.text(reading.text), repairs.text(reading.reasoning)
    data = None if form is None else _data(reading, text, form, mode)
    data = None if data is None else repairs.value(data)
    echoed: dict[str, Any] = repairs.value(dict(reading.echoed))
    if (tier := echoed.get("service_tier")) is not None and tier not in _ORDINARY:
        # As `core.price.tier_billed` reads it: the price of another tier is not known.
        echoed["service_tier"] = {"type": str(tier)}
    usage = reading.usage
    if usage is None:
        usage = estimate(reasoning + text)
        echoed["token_source"] = "estimated"
    return ModelReply(
        text=text,
        stop_reason=repairs.text(reading.stop_reason),
        usage=usage,
        data=data,
        request_id=around.request_id,
        sent=around.sent,
        echoed=echoed,
        unsupported=around.unsupported,
        reasoning=reasoning or None,
        repairs=repairs.count,
        timing=around.timing,
    )


def _data(reading: Reading, text: str, form: AnswerForm, mode: AnswerMode | None) -> dict[str, Any] | None:
    """The structured answer. Calls of the tool that contradict each other are none."""
    if mode == "json_schema":
        return json_object(text)
    given = [use.arguments for use in reading.tools if use.name == form.name]
    first = given[0] if given else None
    return first if first is not None and all(one == first for one in given) else None
