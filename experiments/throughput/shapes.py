"""What shape has the prompt whose answer is timed? Words, and how many tokens and what context they go with."""

from dataclasses import replace

from trialbed import Sampling, Variant


class Shape(Variant):
    """One shape of a prompt.

    Args:
        max_tokens: of the answer; None = as the run says.
        context_words: so many words are read before the question.
        warm_up: a question asked before the one that is timed, which has the context cached.
    """

    prompt: str
    max_tokens: int | None = None
    context_words: int = 0
    warm_up: str | None = None

    def sampling(self, asked: Sampling) -> Sampling:
        """The run's parameters, with the shape's own room for the answer."""
        return asked if self.max_tokens is None else replace(asked, max_tokens=self.max_tokens)
