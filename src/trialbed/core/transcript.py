"""What was said, in order?"""

from dataclasses import dataclass

from trialbed.core.model import Message


@dataclass(frozen=True, slots=True)
class Transcript:
    """A finished or growing dialogue. `system` is the briefing the subject was given."""

    system: str | None
    messages: tuple[Message, ...] = ()

    @property
    def last(self) -> str:
        """The subject's newest reply, or "" before the first."""
        return next((message.text for message in reversed(self.messages) if message.role == "assistant"), "")

    @property
    def replies(self) -> tuple[str, ...]:
        return tuple(message.text for message in self.messages if message.role == "assistant")

    def upto(self, turn: int) -> "Transcript":
        """The same dialogue as it stood right after the subject's reply number `turn`, counted from 0.

        Raises:
            IndexError: there is no such reply.
        """
        replies = [place for place, message in enumerate(self.messages) if message.role == "assistant"]
        return Transcript(self.system, self.messages[: replies[turn] + 1])

    def as_log(self) -> list[dict[str, str]]:
        """`[{role: system|user|assistant, content}]`, the record's `conversation_log`."""
        opening = [] if self.system is None else [{"role": "system", "content": self.system}]
        return opening + [{"role": message.role, "content": message.text} for message in self.messages]

    def as_text(self, *, user: str = "USER", assistant: str = "ASSISTANT") -> str:
        """The dialogue as a judge reads it, speakers named as given; the briefing is left out.

        Further lines of a turn are indented, so that no reply can open a turn in another's name.
        """
        names = {"user": user, "assistant": assistant}
        return "\n\n".join(
            f"{names[message.role]}: " + "\n    ".join(message.text.splitlines()) for message in self.messages
        )
