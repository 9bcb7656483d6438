"""Which models can be called by this version?"""

from collections.abc import Iterable

from trialbed.core.model import ModelName
from trialbed.providers.names import RUNNABLE


def not_runnable(models: Iterable[ModelName]) -> list[str]:
    """A line for each model that no call can be made to."""
    known = ", ".join(sorted(RUNNABLE))
    return [
        f"{model}: provider {model.provider!r} is not built yet; this version runs: {known}"
        for model in models
        if model.provider not in RUNNABLE
    ]
