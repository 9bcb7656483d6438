"""Are AWS credentials configured? As far as can be known without any network: never asks instance metadata."""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_OPTIONS = (
    "aws_access_key_id",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "credential_process",
    "web_identity_token_file",
    "login_session",
)
_DEFAULT_PROFILE = "default"


def has_credentials_offline(environment: Mapping[str, str] | None = None) -> bool:
    """Whether anyone set AWS up here: variables, or the default profile of the shared files.

    Says nothing about their being valid. A file that cannot be read counts as set up, so that the SDK
    names the trouble and nothing goes on as if there were no account.
    """
    given = os.environ if environment is None else environment
    if any(given.get(name, "").strip() for name in _VARIABLES):
        return True
    credentials = given.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    config = given.get("AWS_CONFIG_FILE") or "~/.aws/config"
    return _names_default_credentials(credentials) or _names_default_credentials(config)


def _names_default_credentials(path: str) -> bool:
    # The default profile is an ordinary section here: options of others must not be inherited from it.
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read_string(Path(path).expanduser().read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return False
    except (OSError, UnicodeDecodeError, configparser.Error):
        return True
    return any(parser.has_option(section, option) for section in _default_sections(parser) for option in _OPTIONS)


def _default_sections(parser: configparser.RawConfigParser) -> list[str]:
    names = (_DEFAULT_PROFILE, f"profile {_DEFAULT_PROFILE}")
    return [section for section in parser.sections() if section in names]
