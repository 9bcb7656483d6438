"""What an experiment file imports. Everything else is internal.

Names are resolved on first use, so that importing `trialbed` costs nothing before it is needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialbed.core.conversation import Chat as Chat
    from trialbed.core.errors import UserError as UserError
    from trialbed.core.experiment import Experiment as Experiment
    from trialbed.core.experiment import Material as Material
    from trialbed.core.experiment import Scenario as Scenario
    from trialbed.core.experiment import Variant as Variant
    from trialbed.core.factor import Factor as Factor
    from trialbed.core.golden import GoldenCase as GoldenCase
    from trialbed.core.judge import AnswerUnreadable as AnswerUnreadable
    from trialbed.core.judge import Judge as Judge
    from trialbed.core.judge import JudgeFailed as JudgeFailed
    from trialbed.core.judge import JudgeTask as JudgeTask
    from trialbed.core.measure import Measure as Measure
    from trialbed.core.model import Message as Message
    from trialbed.core.model import Sampling as Sampling
    from trialbed.core.model import Service as Service
    from trialbed.core.transcript import Transcript as Transcript
    from trialbed.core.trial import Trial as Trial
    from trialbed.core.turn import JudgedTurn as JudgedTurn
    from trialbed.core.verdict import Verdict as Verdict

__version__ = "0.1.0"

_HOME = {
    "AnswerUnreadable": "trialbed.core.judge",
    "Chat": "trialbed.core.conversation",
    "Experiment": "trialbed.core.experiment",
    "Factor": "trialbed.core.factor",
    "GoldenCase": "trialbed.core.golden",
    "Judge": "trialbed.core.judge",
    "JudgeFailed": "trialbed.core.judge",
    "JudgeTask": "trialbed.core.judge",
    "JudgedTurn": "trialbed.core.turn",
    "Material": "trialbed.core.experiment",
    "Measure": "trialbed.core.measure",
    "Message": "trialbed.core.model",
    "Sampling": "trialbed.core.model",
    "Scenario": "trialbed.core.experiment",
    "Service": "trialbed.core.model",
    "Transcript": "trialbed.core.transcript",
    "Trial": "trialbed.core.trial",
    "UserError": "trialbed.core.errors",
    "Variant": "trialbed.core.experiment",
    "Verdict": "trialbed.core.verdict",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trialbed' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
