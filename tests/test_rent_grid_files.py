"""What becomes of a grid that was written to a file and read back, as it was, edited, or broken?"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.rent_sycophancy import experiment
from experiments.rent_sycophancy.case import NEUTRAL
from experiments.rent_sycophancy.grid import grid_rows
from tests.support.rent import CASES, PHRASINGS, PLAIN, rows_on_disk, trials_of, wanted
from trialbed import Chat, Material, UserError
from trialbed.core.model import ModelReply
from trialbed.core.transcript import Transcript
from trialbed.core.trial import Trial

WHERE = "raw/grid.jsonl"
LANDLORD, TENANT, OTHER = (0, 1, 2)
"""Places of the first rows: landlord and tenant of one triplet, and the landlord of another."""


def read(rows: list[Any], **more: Any) -> Material:
    material = experiment.of_rows(rows, wanted(**more), where=WHERE)
    assert material is not None
    return material


def refusal(rows: list[Any]) -> list[str]:
    """The lines of the one message."""
    with pytest.raises(UserError) as refused:
        read(rows)
    return str(refused.value).split("\n")


async def sent(trial: Trial) -> Transcript:
    """What the subject is sent, word for word, as a trial talks."""
    seen: list[Transcript] = []

    async def send(transcript: Transcript) -> ModelReply:
        seen.append(transcript)
        return ModelReply(text="It is fair.", stop_reason="end_turn")

    await experiment.converse(trial, Chat(system=experiment.system(trial), send=send))
    (only,) = seen
    return only


# --- As it was -----------------------------------------------------------------------------------


@pytest.mark.parametrize("phrasings", [PHRASINGS, PHRASINGS[1:2]], ids=["all phrasings", "one"])
def test_rows_that_are_read_back_make_the_same_trials(tmp_path: Path, phrasings: tuple[Any, ...]) -> None:
    material = read(rows_on_disk(phrasings=phrasings, folder=tmp_path))
    assert material.scenarios == CASES and material.notes == ()
    assert material.counts == {"variants": tuple(one.id for one in phrasings)}
    built, back = trials_of(phrasings=phrasings), trials_of(material.scenarios, phrasings)
    assert {at: one.trial_id for at, one in back.items()} == {at: one.trial_id for at, one in built.items()}


def test_a_file_of_fewer_prompts_makes_those_in_its_order_and_may_be_given_their_neutral_prompts() -> None:
    rows = [row for row in rows_on_disk(phrasings=[PLAIN]) if row["perspective"] != NEUTRAL][10:4:-1]
    without, with_neutral = (read(rows, include_neutral=one).scenarios for one in (False, True))
    assert [case.factors for case in without] == [row["factors"] for row in rows]
    assert with_neutral[: len(rows)] == without
    added = with_neutral[len(rows) :]
    assert {case.situation for case in added} == {case.situation for case in without}
    assert {case.perspective for case in added} == {NEUTRAL} and len(added) == 2


async def test_what_is_sent_is_the_file_to_the_letter() -> None:
    rows = rows_on_disk()
    trials = trials_of(read(rows).scenarios)
    ids = [case.id for _ in PHRASINGS for case in CASES]
    for row, case_id in list(zip(rows, ids, strict=True))[::7]:
        transcript = await sent(trials[case_id, row["variant"], 0])
        assert transcript.as_log() == row["messages"]


# --- Edited --------------------------------------------------------------------------------------

EDITED = "  Should it go up?\r\n\tÄh — {amount} {reason} %s \\n </system>\u202e  "


async def test_an_edited_message_is_sent_unchanged_and_is_another_prompt_and_another_trial() -> None:
    rows = rows_on_disk(phrasings=[PLAIN])
    rows[TENANT]["messages"][1]["content"] = EDITED
    material = read(rows)
    assert material.notes == (
        f"{WHERE}: prompts with other words than the grid would give them now: 1; they are sent as they stand in the "
        "file",
    )
    built, back = trials_of(phrasings=[PLAIN]), trials_of(material.scenarios, [PLAIN])
    (changed,) = back.keys() - built.keys()
    assert built.keys() - back.keys() == {(CASES[TENANT].id, PLAIN.id, 0)}
    assert all(back[at].trial_id == built[at].trial_id for at in built.keys() & back.keys())
    assert (await sent(back[changed])).as_log() == rows[TENANT]["messages"]
    # Another scenario of the same cluster, which no report takes for the one that was built.
    assert changed[0].startswith(f"{CASES[TENANT].id}/edited-")
    assert back[changed].trial_id not in {trial.trial_id for trial in built.values()}
    again = grid_rows(material.scenarios, [PLAIN])
    assert [new["prompt_id"] != old["prompt_id"] for new, old in zip(again, rows, strict=True)].count(True) == 1
    assert again[TENANT]["messages"] == rows[TENANT]["messages"]


async def test_a_prompt_may_be_left_without_a_system_message() -> None:
    rows = rows_on_disk(phrasings=[PLAIN])
    del rows[LANDLORD]["messages"][0]
    cases = read(rows).scenarios
    transcript = await sent(trials_of(cases, [PLAIN])[cases[LANDLORD].id, PLAIN.id, 0])
    assert transcript.system is None
    assert transcript.as_log() == rows[LANDLORD]["messages"]


async def test_an_edited_message_of_one_variant_leaves_the_words_of_the_others() -> None:
    rows = rows_on_disk()
    rows[LANDLORD]["messages"][1]["content"] = EDITED
    cases = read(rows).scenarios
    trials = trials_of(cases)
    for phrasing in PHRASINGS:
        said = (await sent(trials[cases[LANDLORD].id, phrasing.id, 0])).messages[0].text
        assert (said == EDITED) == (phrasing is PLAIN)


def test_a_file_that_was_read_and_written_again_is_the_same_file_but_for_the_ids_of_what_was_edited() -> None:
    rows = rows_on_disk()
    rows[LANDLORD]["messages"][1]["content"] = EDITED
    once = grid_rows(read(rows).scenarios, PHRASINGS)
    assert grid_rows(read(once).scenarios, PHRASINGS) == once
    assert [new == old for new, old in zip(once, rows, strict=True)].count(False) == 1


# --- Broken --------------------------------------------------------------------------------------


def change(place: int, **members: Any) -> Callable[[list[Any]], None]:
    return lambda rows: rows[place].update(members)


def factor(**levels: Any) -> Callable[[list[Any]], None]:
    return lambda rows: rows[OTHER]["factors"].update(levels)


def put(place: int, value: Any) -> Callable[[list[Any]], None]:
    return lambda rows: rows.__setitem__(place, value)


def user(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


BUILD = "; build it anew with 'trialbed rent build'"
BROKEN: dict[str, tuple[Callable[[list[Any]], None], str]] = {
    "an unknown perspective": (change(OTHER, perspective="judge"), "the grid has no such case ('judge', {.*})" + BUILD),
    "an unknown amount": (factor(amount=51), "the grid has no such case ('landlord', {.*})" + BUILD),
    "an amount that is a list": (factor(amount=[50]), "the grid has no such case ('landlord', {.*})" + BUILD),
    "an unknown quality": (factor(tenant_quality="odd"), "the grid has no such case ('landlord', {.*})" + BUILD),
    "no justification": (factor(justification=None), "the grid has no such case ('landlord', {.*})" + BUILD),
    "another base rent": (factor(base_rent=700), "factors: 'base_rent' is 700, where this case has 600" + BUILD),
    "a wrong relationship": (
        factor(relationship_quality="bad"),
        "factors: 'relationship_quality' is 'bad', where this case has 'good'" + BUILD,
    ),
    "a factor too many": (factor(city="Bonn"), "factors: 'city' is 'Bonn', where this case has nothing" + BUILD),
    "an unknown variant": (
        change(OTHER, variant="rude"),
        "variant 'rude' has no file; there is: plain, authoritative, emotional, evidence",
    ),
    "a field too few": (lambda rows: rows[OTHER].pop("weight"), "weight: Field required" + BUILD),
    "a field too many": (change(OTHER, note="x"), "note: Extra inputs are not permitted" + BUILD),
    "a field that would break the line": (
        change(OTHER, **{"a\nb\x1b": 1}),
        "a b\ufffd: Extra inputs are not permitted" + BUILD,
    ),
    "no messages": (change(OTHER, messages=[]), "messages: must be one of the user, after one of the system or alone"),
    "two messages of the user": (
        change(OTHER, messages=user("One?", "Two?")),
        "messages: must be one of the user, after one of the system or alone",
    ),
    "a message of the model": (
        change(OTHER, messages=[{"role": "assistant", "content": "x"}]),
        "messages.0.role: Input should be 'system' or 'user'" + BUILD,
    ),
    "an empty message": (change(OTHER, messages=user(" \n")), "messages: one is empty; write it"),
    "half a character": (
        change(OTHER, messages=user("May the rent go up? \ud83d")),
        "messages: one holds half a character (a lone surrogate), which cannot be sent; correct it",
    ),
    "a message without words": (
        change(OTHER, messages=[{"role": "user"}]),
        "messages.0.content: Field required" + BUILD,
    ),
    "a list in the place of a row": (put(OTHER, [1, 2]), "must be one object" + BUILD),
    "the row before it once more": (
        lambda rows: rows.__setitem__(OTHER, rows[TENANT]),
        "this prompt is there already; leave one of the two out",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_row_that_cannot_be_used_is_told_in_one_line_with_its_number_and_nothing_else(what: str) -> None:
    """Of four variants, so that what is missing of the others could be told too: it is not."""
    spoil, complaint = BROKEN[what]
    rows = rows_on_disk()
    spoil(rows)
    (line,) = refusal(rows)
    expected = "".join(".*" if part == ".*" else re.escape(part) for part in re.split(r"(\.\*)", complaint))
    assert re.fullmatch(f"{WHERE}: row {OTHER + 1}: {expected}", line), line


def test_a_prompt_that_is_not_there_in_every_variant_is_told_with_the_row_it_is_there_in() -> None:
    rows = rows_on_disk()
    del rows[2 * len(CASES) + 5]
    missing = PHRASINGS[2].id
    complaint = f"row 6: {CASES[5].id} is not there in {missing}; add it, or drop all of it"
    assert refusal(rows) == [f"{WHERE}: {complaint}"]


def test_each_of_several_broken_rows_has_its_line_up_to_twenty() -> None:
    rows = rows_on_disk()
    for place in (0, 90, 300):
        rows[place]["weight"] = None
    assert [line.split(": ")[1] for line in refusal(rows)] == ["row 1", "row 91", "row 301"]
    lines = refusal([{**row, "variant": "rude"} for row in rows_on_disk()])
    assert len(lines) == 21
    assert lines[-1] == f"{WHERE}: and 316 more"


def test_a_file_without_a_row_is_refused() -> None:
    assert refusal([]) == [f"{WHERE}: holds no prompt{BUILD}"]


def test_the_weight_of_a_row_is_that_of_the_grid_it_is_in_now() -> None:
    """A file that holds one triplet of a situation has its neutral prompt with the weight of one."""
    neutral = next(place for place, case in enumerate(CASES) if case.perspective == NEUTRAL)
    rows = [rows_on_disk(phrasings=[PLAIN])[place] for place in (LANDLORD, TENANT, neutral)]
    assert [row["weight"] for row in rows] == [1, 1, 3]
    assert [row["weight"] for row in grid_rows(read(rows).scenarios, [PLAIN])] == [1, 1, 1]
