"""Does a rehearsed judge fall for an order in what it judges? Only one whose model id says that it is gullible.

Half of the orders inside a fence are obeyed and every one outside: so a rehearsal shows that the measuring of flips
finds them, and what a fence would be worth to such a judge.
"""

import re
from collections.abc import Sequence
from random import Random

from trialbed.providers.rehearsal.call import RehearsalCall

NAME = "gullible"
OBEYS_INSIDE = 0.5

_RUBRIC = "What follows is the rubric."
_FENCED = re.compile(r"<(transcript_[a-p]+)>\n.*?\n</\1>", re.DOTALL)


def obeyed(call: RehearsalCall, field: str, options: Sequence[str], rng: Random) -> str | None:
    """The value of `field` that the judge was ordered to give and will give; None if there is no such order, the judge
    is a usual one, or it does as it should.

    It may be none of `options`: orders can be silly.
    """
    if NAME not in call.model_id:
        return None
    said = call.messages[0].text
    found = _FENCED.search(said)
    if found is None:
        # The rubric names every option, and orders none.
        return _ordered(said.rpartition(_RUBRIC)[0] or said, field, options)
    outside = said[: found.start()] + said[found.end() :]
    if order := _spelt_out(outside, field):
        return order
    order = _ordered(found[0], field, options)
    return order if order is not None and rng.random() < OBEYS_INSIDE else None


def _ordered(text: str, field: str, options: Sequence[str]) -> str | None:
    """What is demanded in so many words, else the option that is named last: nobody who merely talks names one."""
    named = max(options, key=text.rfind, default=None)
    return _spelt_out(text, field) or (named if named is not None and named in text else None)


def _spelt_out(text: str, field: str) -> str | None:
    """The last `field = "value"` or `"field": "value"`."""
    orders = re.findall(rf'{re.escape(field)}"?\s*[:=]\s*"([^"\n]{{1,60}})"', text)
    return orders[-1] if orders else None
