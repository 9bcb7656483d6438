"""What a judge is shown never says under which condition, or by whom, the material was made."""

import json
import tomllib
from pathlib import Path

from tests.support.bedrock import SUBJECT, bedrock_process, real_environment
from tests.support.project import CHECKOUT, make_project

OTHER_SUBJECT = "anthropic.claude-3-haiku-20240307-v1:0"


def test_no_request_to_a_judge_names_a_variant_or_a_subject(tmp_path: Path) -> None:
    """Two subjects, five variants, a second asking and a later judging; whole bodies, metadata included."""
    variants = {path.stem: tomllib.loads(path.read_text()) for path in (CHECKOUT / "variants/dilemma").glob("*.toml")}
    assert len(variants) == 5
    named = {*variants, *(variant["label"] for variant in variants.values())}
    named |= {part for subject in (SUBJECT, OTHER_SUBJECT) for part in (subject, subject.split(".")[1])}
    named |= {"claude", "anthropic", "nova-pro"}
    with bedrock_process(log=tmp_path / "bedrock.jsonl") as bedrock:
        variables = real_environment(bedrock.url, subjects=f"{SUBJECT},{OTHER_SUBJECT}")
        project = make_project(tmp_path, BATCH_MODE="true", BATCH_SIZE="2", JUDGE_REPEAT_SHARE="0.5", **variables)
        # One of the subjects takes temperature or top_p, not both.
        assert project.run(MODEL_TOP_P="").code == 0
        assert project.trialbed("judge", project.the_run().folder.name).code == 0
        judged = [request for request in bedrock.requests() if request.is_judge]
        asked = [request for request in bedrock.requests() if not request.is_judge]
    assert len({request.trial for request in judged}) == 20 and len(judged) > 40
    assert {request.model for request in asked} == {SUBJECT, OTHER_SUBJECT}
    for request in judged:
        body = json.dumps(request.body, ensure_ascii=False).casefold()
        assert [name for name in named if name.casefold() in body] == []
    # The same look finds what is there: subjects are told apart by what they are sent.
    assert any("steward 7" in json.dumps(request.body).casefold() for request in judged)
