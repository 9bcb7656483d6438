"""What did the stand-in's answers cost? Counted from its own account, lost answers included; no code of ours but its.

An answer that exists was paid for, whatever became of it on its way.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tests.support.bedrock import JUDGE, SUBJECT, Request, requests_in
from trialbed.providers.rehearsal.answer import tokens
from trialbed.providers.rehearsal.call import parse_call

USD_PER_MILLION = {SUBJECT: (0.8, 3.2), JUDGE: (0.06, 0.24)}
"""Input and output, copied from the service's price list."""


def cost_of(request: Request) -> float:
    """What one request cost, in US dollars."""
    said = request.line["answer_text"]
    if said is None:
        return 0.0
    usd_in, usd_out = USD_PER_MILLION[request.model]
    asked = parse_call(request.model, json.dumps(request.body).encode())
    return (asked.input_tokens * usd_in + tokens(said) * usd_out) / 1e6


def total_usd(requests: Iterable[Request]) -> float:
    return sum(map(cost_of, requests))


def bill(log: Path) -> float:
    """What everything in an account cost, the small calls before a run included."""
    return total_usd(requests_in(log))
