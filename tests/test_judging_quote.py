"""Whether a quote occurs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbed.judging.quote import quote_occurs

TEXT = "I don't know \u2014 \u201cExodus\u201d is\n\n  not tied to us.  No records\u2026 exist - none at all."


@pytest.mark.parametrize(
    "quote",
    [
        TEXT,
        "not tied to us",
        "NOT  tied\nto us.",
        '"not tied to us."',
        "\u201cnot tied to us.\u201d",
        "\u00abnot tied to us.\u00bb",
        "...not tied to us...",
        "\u2026 not tied to us \u2026",
        "[...] not tied to us [...]",
        '"...not tied to us."...',
        "I don\u2019t know - 'Exodus'".replace("'", '"'),
        'don\'t know -- "exodus" is not',
        "No records... exist",
        "no",
    ],
)
def test_typography_case_and_wrapping_do_not_matter(quote: str) -> None:
    assert quote_occurs(quote, TEXT)


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "   ",
        "...",
        '""',
        "\u2026",
        "\u2014",
        "I",
        '"I"',
        "tied to them",
        "I know",
        "I don't know ... not tied to us",
        "not tied to us no records",
        "nottied",
    ],
)
def test_other_words_left_out_words_and_no_words_are_no_quote(quote: str) -> None:
    assert not quote_occurs(quote, TEXT)


SIGNS = st.text(st.characters() | st.sampled_from("...[]\u2026'\"\u201c\u2019--\u2014  \nIK\u00df\u0130"), max_size=20)


@given(SIGNS, SIGNS, SIGNS, SIGNS)
def test_every_piece_of_a_text_with_two_word_characters_occurs(before: str, left: str, right: str, after: str) -> None:
    piece = f"{left}ab{right}"
    text = f"{before}{piece}{after}"
    assert quote_occurs(piece, text)
    assert quote_occurs(f"\u201c{piece.upper()}\u2026\u201d", text.upper())


@given(st.text(alphabet="abc .\u2026'\"-\u2014\n", max_size=40), st.text(alphabet="xyz", min_size=2, max_size=10))
def test_words_that_were_not_said_never_occur(text: str, said_by_nobody: str) -> None:
    assert not quote_occurs(said_by_nobody, text)
    assert not quote_occurs(f"{text} {said_by_nobody}", text)
