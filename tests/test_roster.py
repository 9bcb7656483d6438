"""Which models does a roster file name, and what is said of one that is wrong?"""

import json
from pathlib import Path
from typing import Any

import pytest

from trialbed.app.roster import named_models, read_roster
from trialbed.core.errors import UserError
from trialbed.core.model import ModelName

LLAMA = {"id": "llama-3.3-70b", "label": "Llama", "provider": "groq", "concurrency": 4}
NOVA = {"id": "amazon.nova-pro-v1:0", "provider": "bedrock", "concurrency": 2}


def written(folder: Path, content: Any) -> Path:
    path = folder / "models.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("wrap", [lambda entries: entries, lambda entries: {"models": entries, "note": "free first"}])
def test_models_keep_their_order_and_each_counts_once(wrap: Any, tmp_path: Path) -> None:
    again = {**LLAMA, "label": "again", "concurrency": 9}
    gemini = {"id": "gemini-2.5-flash", "provider": "Google", "concurrency": 1}
    roster = read_roster(written(tmp_path, wrap([LLAMA, NOVA, again, gemini])))
    llama, nova, flash = roster.models
    assert (str(llama), nova, str(flash)) == (
        "groq:llama-3.3-70b",
        ModelName("bedrock", "amazon.nova-pro-v1:0"),
        "gemini:gemini-2.5-flash",
    )
    assert roster.ceilings == {llama: 4, nova: 2, flash: 1}
    assert roster.labels == {llama: "Llama", nova: "amazon.nova-pro-v1:0", flash: "gemini-2.5-flash"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({**LLAMA, "concurrency": None}, "llama-3.3-70b: concurrency: must be given"),
        ({"id": "x", "provider": "groq"}, "x: concurrency: must be given"),
        ({**LLAMA, "concurrency": 0}, "llama-3.3-70b: concurrency: must be given"),
        ({**LLAMA, "concurrency": True}, "llama-3.3-70b: concurrency: must be given"),
        ({**LLAMA, "concurrency": 1.5}, "llama-3.3-70b: concurrency: must be given"),
        ({**LLAMA, "provider": "grok"}, "llama-3.3-70b: provider: 'grok' is not known; there is: anthropic"),
        ({**LLAMA, "provider": None}, "llama-3.3-70b: provider: None is not known"),
        ({**LLAMA, "id": " "}, "model 1: id: must be the provider's name"),
        ({**LLAMA, "label": 5}, "llama-3.3-70b: label: must be a text"),
        ({**LLAMA, "concurency": 5}, "llama-3.3-70b: concurency is not known"),
        ("llama", "model 1: is no object"),
    ],
)
def test_an_entry_that_is_wrong_is_named_with_its_file_and_what_to_do(entry: Any, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, [entry, NOVA])
    with pytest.raises(UserError) as caught:
        read_roster(path)
    assert str(caught.value).startswith(f"{path}: {said}") and "\n" not in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_roster(written(tmp_path, [{**LLAMA, "concurrency": 0}, {**NOVA, "provider": "x"}]))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"x"', '{"models": {}}'])
def test_a_file_that_is_no_roster_is_named(content: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UserError) as caught:
        read_roster(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_setting_names_models_or_a_file_of_the_project(tmp_path: Path) -> None:
    written(tmp_path, [LLAMA])
    assert named_models(" models.json ", tmp_path).models == (ModelName("groq", "llama-3.3-70b"),)
    listed = named_models("groq:llama-3.3-70b,google:x", tmp_path)
    assert listed.models == (ModelName("groq", "llama-3.3-70b"), ModelName("gemini", "x")) and not listed.ceilings
    with pytest.raises(UserError, match=r"nowhere\.json: cannot be read"):
        named_models("nowhere.json", tmp_path)
