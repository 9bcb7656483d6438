"""Which models are expected now? A list on the web is read anew each time it is asked."""

import logging

from trialbed.app import logs
from trialbed.app.throughput.prepare import Measuring
from trialbed.core.clock import Clock
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName

_log = logging.getLogger(f"{logs.LOGGER}.throughput")


class Expectation:
    """What the command line, the environment or a list on the web names."""

    def __init__(self, measuring: Measuring, clock: Clock) -> None:
        self._measuring = measuring
        self._clock = clock

    async def models(self) -> tuple[ModelName, ...]:
        """The models, none twice.

        Raises:
            UserError: the list refuses, or names no model.
            NoList: it is away, and so is its copy.
        """
        remote = self._measuring.remote
        if remote is None:
            return self._measuring.named.models
        models = self._measuring.listed(await remote.read(_log.warning, self._clock.now()))
        if not models:
            raise UserError("BENCHMARK_MODELS_URL: the list names no model to be measured; add one")
        return models
