"""What is known of a model before it is asked? Bedrock's data are of Bedrock's models alone."""

from trialbed.core.model import ModelName
from trialbed.providers.bedrock.capabilities import Capabilities, capabilities_of, family_of
from trialbed.providers.names import NATIVE


def known_of(model: ModelName, behind: str | None = None) -> Capabilities:
    """What the data say the model takes; of another provider's models nothing, so that nothing is held against them.

    Args:
        behind: for an application inference profile, whose ARN names no model, what it leads to.
    """
    return capabilities_of(model.id, behind) if model.provider in NATIVE else Capabilities(str(model))


def family(model: ModelName, behind: str | None = None) -> str:
    """The model itself, in whichever region or inference profile it is asked."""
    return family_of(behind or model.id) if model.provider in NATIVE else model.id
