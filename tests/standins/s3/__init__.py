"""An S3 that misbehaves as told: moto's server on 127.0.0.1, behind a proxy that injects faults."""

from .faults import Fault, Faults
from .server import Exchange, S3StandIn

__all__ = ["Exchange", "Fault", "Faults", "S3StandIn"]
