"""What holds for every test: each run that it leaves on disk passes its audit."""

from collections.abc import Iterator

import pytest

from tests.support.audit import audit_every_run
from tests.support.project import MADE_ROOTS


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "damages_runs: alters a journal, a plan or a backup file; its runs fail an audit"
    )


@pytest.fixture(autouse=True, scope="module")
def shared_runs_pass_their_audit() -> Iterator[None]:
    """Runs of fixtures that several tests share, when all of them are over."""
    yield
    problems = audit_every_run(MADE_ROOTS)
    MADE_ROOTS.clear()
    assert problems == []


@pytest.fixture(autouse=True)
def runs_pass_their_audit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs of the test itself. It is set up before the test's other fixtures, so every process has ended by then."""
    shared = len(MADE_ROOTS)
    yield
    roots = MADE_ROOTS[shared:]
    del MADE_ROOTS[shared:]
    if "tmp_path" in request.node.funcargs:
        roots.append(request.node.funcargs["tmp_path"])
    if request.node.get_closest_marker("damages_runs") is None:
        assert audit_every_run(roots) == []
