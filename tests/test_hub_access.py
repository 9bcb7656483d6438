"""Does the user hear before the first paid call what stands in the way of an upload?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session, set_client_factory
from huggingface_hub.utils._http import default_client_factory

from tests.standins.hub import FOREIGN_NAMESPACE, Faults, HubStandIn
from tests.torture.hub_material import FAST, REPO, target
from trialbed.sinks.hub.access import Problem, check_access, token_problem


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """Leave the client library as other tests expect it."""
    yield
    close_session()
    set_client_factory(default_client_factory)


def problems(hub: HubStandIn, token: str | None = None, **changes: Any) -> list[Problem]:
    return check_access(target(hub.endpoint, token or hub.token, **changes), pace=FAST)


def test_a_missing_dataset_is_created_private_and_nothing_is_wrong() -> None:
    with HubStandIn() as hub:
        assert problems(hub) == []
        assert hub.repo(REPO).private
        assert problems(hub) == []
        assert sum(exchange.path == "/api/whoami-v2" for exchange in hub.log) == 2


def test_a_public_dataset_is_only_made_when_asked_for() -> None:
    with HubStandIn() as hub:
        assert problems(hub, private=False) == []
        assert not hub.repo(REPO).private


@pytest.mark.parametrize(
    ("token", "changes", "expected"),
    [
        ("hf_nobody_has_this_one_0000", {}, "does not take this token"),
        (HubStandIn.read_only_token, {}, "may only read"),
        (None, {"repo_id": f"{FOREIGN_NAMESPACE}/rows"}, "may not write"),
        (None, {"repo_id": "your-username/your-dataset"}, "placeholder"),
    ],
)
def test_what_the_user_can_correct_is_one_line_without_the_token(
    token: str | None, changes: dict[str, Any], expected: str
) -> None:
    with HubStandIn() as hub:
        (problem,) = problems(hub, token, **changes)
    assert expected in problem
    assert "\n" not in problem
    assert (token or hub.token) not in problem
    assert not problem.may_pass


def test_a_public_dataset_is_a_problem_when_a_private_one_was_asked_for() -> None:
    with HubStandIn() as hub:
        HfApi(endpoint=hub.endpoint, token=hub.token).create_repo(REPO, repo_type="dataset", private=False)
        (problem,) = problems(hub)
    assert "HF_PRIVATE=true" in problem


@pytest.mark.parametrize("faults", [Faults(outage=True), Faults(hang_all=True), Faults(read_cut=1.0)])
def test_a_hub_that_cannot_be_reached_is_a_problem_that_may_pass(faults: Faults) -> None:
    with HubStandIn(faults) as hub:
        (problem,) = problems(hub)
    assert problem.may_pass
    assert "cannot be reached" in problem


def test_nobody_listening_is_a_problem_that_may_pass(tmp_path: Path) -> None:
    with HubStandIn() as hub:
        endpoint, token = hub.endpoint, hub.token
    (problem,) = check_access(target(endpoint, token), pace=FAST)
    assert problem.may_pass


@pytest.mark.parametrize(
    ("scoped", "is_enough"),
    [
        ([{"entity": {"type": "user", "name": "user"}, "permissions": ["repo.write"]}], True),
        ([{"entity": {"type": "dataset", "name": "datasets/user/rows"}, "permissions": ["repo.write"]}], True),
        ([{"entity": {"type": "user", "name": "user"}, "permissions": ["repo.content.read"]}], False),
        ([{"entity": {"type": "org", "name": "else"}, "permissions": ["repo.write"]}], False),
        (None, True),
    ],
)
def test_a_fine_grained_token_is_judged_by_what_it_is_for(scoped: Any, is_enough: bool) -> None:
    who = {"auth": {"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": scoped}}}}
    assert (token_problem(who, target(None, "hf_x")) is None) is is_enough
