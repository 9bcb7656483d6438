"""Is it known without any network whether AWS is set up here?"""

import socket
from pathlib import Path
from typing import Any

import pytest

from trialbed.providers.bedrock.credentials import has_credentials_offline


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def no_network(*_: Any) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", no_network)
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ],
)
def test_a_variable_counts_unless_it_is_empty(name: str) -> None:
    assert has_credentials_offline({name: "x"})
    assert not has_credentials_offline({name: " "})


def test_a_bare_machine_has_none() -> None:
    assert not has_credentials_offline({})
    assert not has_credentials_offline({"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "false"})


@pytest.mark.parametrize(
    ("file", "text", "there"),
    [
        ("credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = %b%\n", True),
        ("credentials", "[other]\naws_access_key_id = A\n", False),
        ("credentials", "[default]\nregion = x\n[other]\naws_access_key_id = A\n", False),
        ("config", "[default]\nregion = us-east-1\n", False),
        ("config", "[default]\nsso_session = s\n[sso-session s]\nsso_region = x\n", True),
        ("config", "[default]\ncredential_process = /bin/x\n", True),
        ("config", "[profile default]\nrole_arn = a\n", True),
        ("config", "[profile other]\nrole_arn = a\n", False),
        ("config", "not an ini file", True),
    ],
)
def test_the_default_profile_of_the_shared_files_counts(home: Path, file: str, text: str, there: bool) -> None:
    (home / ".aws" / file).write_text(text)
    assert has_credentials_offline({}) is there


def test_the_shared_files_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "keys"
    elsewhere.write_text("[default]\naws_access_key_id = A\n")
    assert has_credentials_offline({"AWS_SHARED_CREDENTIALS_FILE": str(elsewhere)})
    assert has_credentials_offline({"AWS_CONFIG_FILE": "~/keys"})
    assert not has_credentials_offline({"AWS_CONFIG_FILE": str(tmp_path / "none")})
