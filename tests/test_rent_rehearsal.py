"""Is the sycophancy that was planted in a rehearsal found again, and none where none was?"""

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random
from statistics import fmean
from typing import Any

import pytest

from experiments.rent_sycophancy import experiment
from experiments.rent_sycophancy.aggregates import Scored, breakdown_of
from experiments.rent_sycophancy.case import NEUTRAL
from experiments.rent_sycophancy.casting import SWAY, character_of, leaning
from experiments.rent_sycophancy.persona import Adviser, Scorer
from experiments.rent_sycophancy.phrasing import Phrasing, messages_of
from experiments.rent_sycophancy.rubric import stance_task
from experiments.rent_sycophancy.stance import stance_of
from experiments.rent_sycophancy.verdict import TOWARDS
from experiments.rent_sycophancy.voices import STANDS, heard, spoken
from tests.support.project import make_project
from tests.support.rent import CASES, PHRASINGS, rent_files
from trialbed.core.model import Message
from trialbed.core.transcript import Transcript
from trialbed.judging.prompt import judge_prompt
from trialbed.providers.rehearsal.answer import ToolUse
from trialbed.providers.rehearsal.call import Message as CallMessage
from trialbed.providers.rehearsal.call import RehearsalCall, Tool

RUNS = 3
SEED = "42"
Line = Mapping[str, Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the records of a whole rehearsed study come to: all phrasings, a usual adviser and one that never sways."""
    project = make_project(tmp_path_factory.mktemp("rent"), experiments=rent_files(), MODEL_SEED=SEED)
    models = "rehearsal:adviser,rehearsal:steadfast"
    command = ("run", "rent_sycophancy", "--models", models, "--runs", str(RUNS))
    ended = project.trialbed(*command, JUDGE_MODELS="rehearsal:scorer", BATCH_MODE="true")
    assert ended.code == 0, ended.stderr
    records = list(project.the_run().records().values())
    assert len(records) == 2 * 84 * len(PHRASINGS) * RUNS
    return experiment.results(CASES, PHRASINGS, records)


def of(study: Mapping[str, Any], model: str, factor: str) -> Sequence[Line]:
    return [line for line in study["sycophancy"] if (line["model_id"], line["factor"]) == (model, factor)]


def holds(line: Line, value: float, name: str = "sycophancy") -> bool:
    return bool(line[f"{name}_lo"] <= value <= line[f"{name}_hi"])


def test_the_sycophancy_of_every_phrasing_is_found_within_its_interval(study: Mapping[str, Any]) -> None:
    found = {line["level"]: line for line in of(study, "adviser", "variant")}
    assert found.keys() == SWAY.keys() == {one.id for one in PHRASINGS}
    for phrasing, planted in SWAY.items():
        line = found[phrasing]
        assert holds(line, planted), (phrasing, line)
        assert line["sycophancy_hi"] - line["sycophancy_lo"] < 0.1, "an interval that holds everything shows nothing"
    (overall,) = of(study, "adviser", "all")
    assert holds(overall, fmean(SWAY.values()))


def test_a_model_that_never_sways_is_not_said_to(study: Mapping[str, Any]) -> None:
    for factor in ("all", "variant"):
        for line in of(study, "steadfast", factor):
            assert holds(line, 0.0), line
            assert line["sycophancy_hi"] - line["sycophancy_lo"] < 0.1


def test_each_model_is_compared_with_its_own_neutral_answers(study: Mapping[str, Any]) -> None:
    lines = {line["model_id"]: line for line in study["summary"]}
    for side in ("landlord", "tenant"):
        assert lines["adviser"][f"{side}_uplift_lo"] > 0.0
        assert holds(lines["steadfast"], 0.0, f"{side}_uplift")
    assert study["warnings"] == []
    for line in lines.values():
        assert (line["n"], line["n_excluded"]) == (84 * len(PHRASINGS) * RUNS, 0)


def study_by_hand(seed: int) -> list[Scored]:
    """The adviser's answers to both sides in every phrasing, heard as the scorer hears them, without any call."""
    rng, adviser = Random(seed), character_of("adviser")
    rows = []
    for phrasing, case in product(PHRASINGS, (case for case in CASES if case.perspective != NEUTRAL)):
        level = leaning(
            adviser,
            towards=TOWARDS[case.perspective],
            phrasing=phrasing.id,
            amount=case.amount,
            landlord=case.landlord_quality,
            tenant=case.tenant_quality,
            rng=rng,
        )
        score = heard(spoken(level, rng))
        rows.append(Scored(case.id, phrasing.id, 0, case.perspective, case.factors, score, stance_of(score)))
    return rows


def test_of_many_studies_about_95_in_100_intervals_hold_what_was_planted() -> None:
    """Of 800 intervals; the binomial standard error of their share is 0.8 points."""
    lines = [line for seed in range(200) for line in breakdown_of(study_by_hand(seed)) if line["factor"] == "variant"]
    assert len(lines) == 800
    assert 0.925 <= fmean(holds(line, SWAY[line["level"]]) for line in lines) <= 0.985


# --- The characters ------------------------------------------------------------------------------


def asked(model: str, case: Any, phrasing: Phrasing) -> RehearsalCall:
    system, question = messages_of(case, phrasing)
    return RehearsalCall(model_id=model, messages=(CallMessage("user", question.content),), system=system.content)


@pytest.mark.parametrize("phrasing", PHRASINGS, ids=lambda one: one.id)
def test_the_adviser_hears_who_asks_in_every_prompt_that_is_shipped(phrasing: Phrasing) -> None:
    stands = {"landlord": 0.9, "tenant": -0.9}
    for model, own in (("pleaser-for-landlords", 0.9), ("pleaser-for-tenants", -0.9)):
        for case in CASES:
            call = asked(model, case, phrasing)
            assert Adviser().recognises(call) and not Scorer().recognises(call)
            said = Adviser().answer(call, Random(1)).text
            assert heard(said) == stands.get(case.perspective, own)


def test_the_scorer_hears_every_sentence_rightly_through_the_whole_prompt_of_a_judge() -> None:
    for score in STANDS:
        for seed in range(5):
            answer = spoken(score, Random(seed))
            said = Transcript(None, (Message("user", "Who is right?"), Message("assistant", answer)))
            prompt = judge_prompt(stance_task(said), trial_id="t", seed=seed)
            tool = Tool(prompt.form.name, prompt.form.description, prompt.form.schema)
            call = RehearsalCall("scorer", (CallMessage("user", prompt.text),), tools=(tool,), forced_tool=True)
            assert Scorer().recognises(call) and not Adviser().recognises(call)
            assert Scorer().answer(call, Random(1)).content == ToolUse({"score": score})


def test_no_sentence_is_a_part_of_another_and_what_is_said_is_right_on_average() -> None:
    sentences = [one for every in STANDS.values() for one in every]
    assert not any(one in other for one in sentences for other in sentences if one is not other)
    for score in (-1.0, -0.62, -0.05, 0.0, 0.27, 0.8, 1.0):
        random = Random(5)
        assert fmean(heard(spoken(score, random)) for _ in range(4000)) == pytest.approx(score, abs=0.01)
