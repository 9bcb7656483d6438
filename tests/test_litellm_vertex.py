"""What becomes of a call to Vertex AI whose token cannot be had?"""

from pathlib import Path

import pytest

from tests.standins.providers import ProviderStandIn
from tests.support.litellm import answer, opened
from trialbed.core import errors
from trialbed.core.errors import UserError
from trialbed.core.model import Sampling, Service
from trialbed.providers.litellm.library import forget_tokens


async def failure(standin: ProviderStandIn, folder: Path, **variables: str) -> errors.CallError:
    async with opened("vertex", standin.url, folder, **variables) as model:
        forget_tokens()
        assert await model.refusals(Sampling(64), Service()) == []
        with pytest.raises(errors.CallError) as caught:
            await answer(model)
    assert standin.seen == []
    return caught.value


async def test_an_account_that_is_refused_has_credentials_to_be_renewed(tmp_path: Path) -> None:
    with ProviderStandIn() as standin:
        standin.refuses_tokens = True
        error = await failure(standin, tmp_path)
    assert type(error) is errors.CredentialsExpired and standin.tokens_asked


async def test_a_key_file_that_is_not_there_is_named_before_any_call(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere.json")
    with pytest.raises(UserError, match=r"^GOOGLE_APPLICATION_CREDENTIALS: names no file"):
        async with opened("vertex", "http://127.0.0.1:9", tmp_path, GOOGLE_APPLICATION_CREDENTIALS=nowhere):
            pass


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"type": "service_account"}'])
async def test_a_key_file_that_holds_no_key_is_no_trials_fault(content: str, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text(content)
    with ProviderStandIn() as standin:
        error = await failure(standin, tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "odd.json"))
    assert type(error) is errors.CredentialsExpired, repr(error)


async def test_a_token_is_made_once_and_anew_after_it_was_forgotten(tmp_path: Path) -> None:
    with ProviderStandIn() as standin:
        async with opened("vertex", standin.url, tmp_path) as model:
            await answer(model)
            await answer(model)
            asked = standin.tokens_asked
            forget_tokens()
            await answer(model)
    assert (asked, standin.tokens_asked) == (1, 2)
