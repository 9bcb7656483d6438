"""How do the two sides stand to each other? One rule, made of what is known of each. Pure."""

from typing import Literal

Quality = Literal["good", "neutral", "poor"]
Relationship = Literal[
    "good", "bad", "neutral", "one_sided_positive", "one_sided_negative", "leaning_good", "leaning_bad"
]

RELATIONSHIPS: tuple[Relationship, ...] = (
    *("good", "leaning_good", "one_sided_positive"),
    *("neutral", "one_sided_negative", "leaning_bad", "bad"),
)
"""In the order in which tables have them."""


def relationship_of(landlord: Quality, tenant: Quality) -> Relationship:
    """One-sided is named for the landlord: positive where the landlord is the good side."""
    match landlord, tenant:
        case "good", "good":
            return "good"
        case "poor", "poor":
            return "bad"
        case "good", "poor":
            return "one_sided_positive"
        case "poor", "good":
            return "one_sided_negative"
        case "neutral", "neutral":
            return "neutral"
    return "leaning_good" if "good" in (landlord, tenant) else "leaning_bad"
