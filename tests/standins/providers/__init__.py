"""Stand-ins for the providers that are reached through LiteLLM: real HTTP on loopback, in their own protocols."""

from tests.standins.providers.server import Fault, ProviderStandIn, Said, Seen

__all__ = ["Fault", "ProviderStandIn", "Said", "Seen"]
