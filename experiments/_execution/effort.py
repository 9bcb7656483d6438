"""How much is the model told to think before it answers? In words, the same for every model."""

from typing import Literal

Level = Literal["low", "medium", "high"]
