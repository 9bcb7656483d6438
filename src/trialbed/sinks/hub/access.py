"""Could rows be sent there? Asks before the first paid call, and creates the dataset if it is not there."""

from typing import Any

from trialbed.core.redact import Redactor
from trialbed.sinks.hub.client import HubClient
from trialbed.sinks.hub.daemon import bounded
from trialbed.sinks.hub.faults import HubFault, Refused, RepoMissing
from trialbed.sinks.hub.target import HubTarget, Pace, repo_id_problem

_READ_ROLES = ("read",)
# A person waits for this one.
_PACE = Pace(answer_s=15.0)


class Problem(str):
    """One line for the user. `may_pass`: it may be gone later without anybody doing anything."""

    may_pass: bool

    def __new__(cls, text: str, *, may_pass: bool = False) -> "Problem":
        problem = super().__new__(cls, text)
        problem.may_pass = may_pass
        return problem


def check_access(target: HubTarget, *, pace: Pace | None = None) -> list[Problem]:
    """What stands in the way of sending rows to `target`; nothing when the list is empty.

    Creates the dataset when it is missing. Bounded in time; asks who the token belongs to once.
    """
    if (wrong := repo_id_problem(target.repo_id)) is not None:
        return [Problem(wrong)]
    pace = pace or _PACE
    client = HubClient(target, pace)
    try:
        who = bounded(client.whoami, limit_s=pace.call_limit_s())
        if (wrong := token_problem(who, target)) is not None:
            return [Problem(wrong)]
        bounded(client.ensure_repo, limit_s=pace.call_limit_s())
    except RepoMissing:
        return [Problem(f"{target.repo_id}: there is no such dataset and it could not be created; check HF_REPO_ID")]
    except Refused as refused:
        return [Problem(str(refused))]
    except HubFault as fault:
        reason = Redactor([target.token])(str(fault))
        return [Problem(f"the Hub cannot be reached ({reason}); check HF_ENDPOINT and the network", may_pass=True)]
    return []


def token_problem(who: dict[str, Any], target: HubTarget) -> str | None:
    token = (who.get("auth") or {}).get("accessToken") or {}
    role = token.get("role")
    if role in _READ_ROLES:
        return "HF_TOKEN: this token may only read; make one that may write"
    if role == "fineGrained" and not _may_write(token.get("fineGrained") or {}, target.repo_id):
        return f"HF_TOKEN: this token may not write to {target.repo_id}; give it write access to that dataset"
    return None


def _may_write(grants: dict[str, Any], repo_id: str) -> bool:
    """Whether a fine-grained token has a write permission for the dataset or its owner.

    When the Hub does not say what the token is for, the first commit will tell.
    """
    scopes = grants.get("scoped")
    if not isinstance(scopes, list):
        return True
    names = {repo_id.lower(), repo_id.split("/")[0].lower()}
    for scope in scopes:
        entity = scope.get("entity") or {}
        name = str(entity.get("name", "")).lower().removeprefix("datasets/")
        if name in names and any("write" in str(permission) for permission in scope.get("permissions") or []):
            return True
    return False
