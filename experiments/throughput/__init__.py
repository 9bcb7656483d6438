"""How fast does each provider serve a model?

The answer to a question that nobody comes to an end with is streamed, cut at its most tokens, and timed: how long until
the first word, how fast from then on, how fast in all. The words themselves do not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from trialbed import Chat, Experiment, Measure, Scenario, Service, Trial, Verdict

from .context import chronicle
from .metrics import measured
from .sending import body_of
from .shapes import Shape


def _over_time(name: str, title: str, *, better: Literal["higher", "lower"]) -> Measure:
    """What is measured again and again; it stands under its own name in the verdict."""
    return Measure(name=name, kind="score", field=name, title=title, over_time=True, better=better)


class Throughput(Experiment):
    """One measurement a trial; a repeat is a cycle of measurements."""

    name = "throughput"
    version = "1.0.0"
    variant = Shape
    is_timed = True
    takes_cut = True
    headline = "token_source"
    measures: ClassVar[tuple[Measure, ...]] = (
        _over_time("tokens_per_second", "Tokens per second, in all", better="higher"),
        _over_time("time_to_first_token", "Seconds to the first visible text", better="lower"),
        _over_time("decode_tokens_per_second", "Tokens per second, after the first text", better="higher"),
        _over_time("generate_time", "Seconds to the end of the stream", better="lower"),
    )

    def scenarios(self) -> Sequence[Scenario]:
        return (Scenario(id="world_history"),)

    def system(self, trial: Trial) -> str | None:
        words = trial.variant.context_words
        return chronicle(words, trial.seed) if words else None

    def service(self, trial: Trial, asked: Service) -> Service:
        return asked if trial.variant.warm_up is None else replace(asked, prompt_cache=True)

    async def converse(self, trial: Trial, chat: Chat) -> None:
        if trial.variant.warm_up is not None:
            await chat.ask(trial.variant.warm_up)
        await chat.ask(trial.variant.prompt)

    def of_calls(self, trial: Trial, calls: Sequence[Mapping[str, Any]]) -> Sequence[Verdict]:
        return [Verdict.of("throughput", **measured(calls[-1]))]

    def for_ingest(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        return body_of(record)

    def personas(self) -> Sequence[Any]:
        from .persona import Storyteller  # the rehearsal's types are of no use to a real run

        return [Storyteller()]


experiment = Throughput()
