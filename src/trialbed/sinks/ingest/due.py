"""What is to be done about the newest record of a trial? Reads it, and knows what was sealed and settled before."""

from dataclasses import dataclass

import orjson

from trialbed.sinks.ingest.bodies import ForIngest, Kind, Payload, body_of, key_of, kind_of_outcome
from trialbed.sinks.ingest.book import Book
from trialbed.sinks.ledger import Ledger


class Unsendable(Exception):
    """No body can be made of a record, or none that is sent; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Due:
    """A record that is owed. `payload` None: there is nothing to send, or nothing more; it is only to be noted.

    `is_sealed`: its body is in the journal, as it was when it was first sent.
    """

    trial: str
    kind: Kind
    revision: int
    payload: Payload | None
    is_sealed: bool = False

    @property
    def size(self) -> int:
        """Of the body, in bytes."""
        return 0 if self.payload is None else len(self.payload.text)


def due_of(trial: str, *, ledger: Ledger, book: Book, nonce: str, for_ingest: ForIngest, most_bytes: int) -> Due:
    """The newest record of a trial, and what is to be sent of it.

    Raises:
        Unsendable: the experiment fails with this record, or its body is over `most_bytes`.
    """
    record = orjson.loads(ledger.record_line(trial))
    kind = kind_of_outcome(record["outcome"])
    revision = record["revision"]
    if book.has(trial, kind):
        return Due(trial, kind, revision, None)
    key = key_of(nonce, trial, kind)
    text = book.seal_of(trial, kind)
    is_sealed = text is not None
    model = f"{record['provider']}:{record['steward_model']}"
    if text is None:
        try:
            text = body_of(record, key, for_ingest)
        except Exception as error:  # an author's code met something it did not expect: one result, not the sink
            raise Unsendable(f"{model}: for_ingest() failed ({type(error).__name__}: {error}); mend it") from None
    if text is None:
        return Due(trial, kind, revision, None)
    if len(text) > most_bytes:
        raise Unsendable(f"{model}: the body of a {kind} is {len(text)} bytes, and {most_bytes} is the most")
    return Due(trial, kind, revision, Payload(trial, kind, key, text, model), is_sealed)
