"""Does the README in the repo need to change? Reads it again only when it is another one."""

from trialbed.sinks.hub.card import CARD, card
from trialbed.sinks.hub.faults import Refused
from trialbed.sinks.hub.features import Feature
from trialbed.sinks.hub.remote import Remote
from trialbed.sinks.hub.seen import FileSeen, Seen, git_blob
from trialbed.sinks.hub.target import RunCard

_Known = tuple[str, bool, dict[str, Feature]]


class Cards:
    """Keeps the card of one repo up to date with one run."""

    def __init__(self, facts: RunCard, *, repo_id: str, remote: Remote) -> None:
        self._facts = facts
        self._repo_id = repo_id
        self._remote = remote
        self._good: list[_Known] = []

    async def due(self, seen: Seen, columns: dict[str, Feature], *, has_growing_file: bool) -> bytes | None:
        """The README to commit on top of `seen`; None when the one there will do.

        Raises:
            HubFault: it could not be read, or is not text.
        """
        file = seen.files.get(CARD)
        if file is not None and (file.blob, has_growing_file, columns) in self._good:
            return None
        before = None if file is None else await self._read(file, seen)
        text = card(
            before,
            self._facts,
            repo_id=self._repo_id,
            columns=columns,
            has_growing_file=has_growing_file,
        )
        # What is made now is good too: it need not be read when it comes back.
        self._good = [(git_blob(text.encode()), has_growing_file, columns)]
        return None if text == before else text.encode()

    async def _read(self, file: FileSeen, seen: Seen) -> str:
        content = await self._remote.read(CARD, file, at=seen.oid)
        try:
            return content.decode()
        except UnicodeDecodeError:
            # The client library could not send it back as it was.
            raise Refused(f"{self._repo_id}/{CARD}: is not UTF-8 text; correct it on the Hub") from None
