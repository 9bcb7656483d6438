"""What does a model read before a question with a long context? A chronicle, another one for every trial.

Providers cache beginnings that they have seen before; a context is only long to read if nobody has read it yet.
"""

from random import Random

_PEOPLE = ("Ada", "Bo", "Chidi", "Dana", "Emre", "Freya", "Goro", "Hana", "Ivo", "Jun", "Kaja", "Lino", "Mira", "Nuno")
_DEEDS = ("planted", "mended", "painted", "measured", "carried", "counted", "found", "sold", "bought", "described")
_THINGS = ("a bridge", "two boats", "the old mill", "seven lamps", "a garden", "the north wall", "a map", "some bread")
_PLACES = ("by the river", "on the hill", "near the harbour", "behind the school", "at the market", "in the valley")
_FIRST_YEAR, _YEARS = 1400, 600


def chronicle(words: int, seed: int) -> str:
    """A text of at least `words` words; of the same seed always the same. About four words are five tokens."""
    chance = Random(f"chronicle:{seed}")
    lines = [f"Chronicle number {seed}."]
    count = len(lines[0].split())
    while count < words:
        year = _FIRST_YEAR + chance.randrange(_YEARS)
        person, deed, thing, place = (chance.choice(few) for few in (_PEOPLE, _DEEDS, _THINGS, _PLACES))
        lines.append(f"In {year} {person} {deed} {thing} {place}.")
        count += len(lines[-1].split())
    return " ".join(lines)
