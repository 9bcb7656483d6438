"""A stand-in for an OTLP collector, and for Galileo, which is one with an API beside it."""

from .collector import Collector, Fault
from .received import ReceivedSpan

__all__ = ["Collector", "Fault", "ReceivedSpan"]
