"""What words does one way of tutoring consist of?"""

from typing import Annotated

from pydantic import StringConstraints

from trialbed import Variant


class Tutoring(Variant):
    """`system` is all that the tutor is told: how to teach, and nothing of the scenario or of how it is scored."""

    system: Annotated[str, StringConstraints(pattern=r"\S")]
