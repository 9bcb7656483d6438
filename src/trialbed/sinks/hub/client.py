"""What do we ask of the Hub, and what did it say? The only file that talks to huggingface_hub.

Synchronous; every request is bounded in time and made once. Each method raises a `HubFault` and nothing
else. The caller brings a thread that may be left behind.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from trialbed.core.redact import Redactor
from trialbed.sinks.hub import session
from trialbed.sinks.hub.faults import Conflicted, HubFault, Refused, Rejected, RepoMissing, Unreached
from trialbed.sinks.hub.seen import FileSeen, Seen, git_blob
from trialbed.sinks.hub.target import HubTarget, Pace

T = TypeVar("T")

_PATHS_PER_REQUEST = 500
# Given with every upload: a `.gitignore` in the repo would otherwise drop files without a word.
_NOTHING_IGNORED = "# nothing\n"


class HubClient:
    """One dataset repo on the Hub, as one token sees it."""

    def __init__(self, target: HubTarget, pace: Pace) -> None:
        self._target = target
        self._pace = pace
        self._redact = Redactor([target.token])

    def whoami(self) -> dict[str, Any]:
        """Who the token belongs to and what it may do."""
        return self._ask(lambda api: dict(api.whoami()))

    def ensure_repo(self) -> None:
        """Create the repo if there is none, and read back whether it is as private as asked.

        Raises:
            Refused: it cannot be created, or its visibility is not the one asked for.
        """
        try:
            self._require_visibility(self._ask(self._info))
        except RepoMissing:
            # exist_ok: an earlier attempt may have happened without our being told.
            self._ask(
                lambda api: api.create_repo(
                    self._target.repo_id, repo_type="dataset", private=self._target.private, exist_ok=True
                )
            )
            self._require_visibility(self._ask(self._info))

    def look(self, paths: Iterable[str], *, at: str | None = None) -> Seen:
        """Which of `paths` exist at the commit `at`, or at the head."""
        if at is None:
            info = self._ask(self._info)
            self._require_visibility(info)
            at = str(info.sha)
        oid, wanted = at, sorted(set(paths))
        files: dict[str, FileSeen] = {}
        for start in range(0, len(wanted), _PATHS_PER_REQUEST):
            some = wanted[start : start + _PATHS_PER_REQUEST]
            files |= _files(self._ask(partial(self._entries, paths=some, oid=oid)))
        return Seen(oid, files)

    def folder(self, path: str, *, at: str) -> dict[str, FileSeen]:
        """All files below a folder at the commit `at`; none when there is no such folder."""
        if not self._ask(partial(self._entries, paths=[path], oid=at)):
            return {}
        return self._ask(
            lambda api: _files(
                api.list_repo_tree(self._target.repo_id, path, recursive=True, revision=at, repo_type="dataset")
            )
        )

    def read(self, path: str, expected: FileSeen, *, at: str) -> bytes:
        """The content of a file at the commit `at`; `expected` is what `look` said of it there.

        Raises:
            Unreached: also when what came is not that file, whole.
        """
        content = self._ask(lambda api: self._get(api, path, at))
        sha256 = hashlib.sha256(content).hexdigest()
        if not expected.holds(size=len(content), blob=git_blob(content), sha256=sha256):
            raise Unreached(f"{path}: what came is not the whole file")
        return content

    def commit(self, *, adds: Mapping[str, bytes], deletes: Iterable[str], message: str, parent: str | None) -> str:
        """Make one commit and return its id. With `parent` it only happens on top of that commit."""
        return self._ask(lambda api: self._commit(api, adds, sorted(deletes), message, parent))

    def _commit(self, api: Any, adds: Mapping[str, bytes], deletes: list[str], message: str, parent: str | None) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        repo_id = self._target.repo_id
        new = [CommitOperationAdd(path, content) for path, content in adds.items()]
        gone = [CommitOperationDelete(path, is_folder=False) for path in deletes]
        for one in new:
            # One at a time: several would be uploaded by a pool, whose threads hold up the end of the process.
            api.preupload_lfs_files(
                repo_id,
                [one],
                repo_type="dataset",
                revision="main",
                free_memory=False,
                gitignore_content=_NOTHING_IGNORED,
            )
        done = api.create_commit(
            repo_id,
            [*gone, *new],
            repo_type="dataset",
            revision="main",
            commit_message=self._redact(message),
            parent_commit=parent,
        )
        return str(done.oid)

    def _get(self, api: Any, path: str, at: str) -> bytes:
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import hf_raise_for_status

        # Not hf_hub_download: it keeps copies on disk, and answers from them when the Hub is away.
        url = hf_hub_url(self._target.repo_id, path, repo_type="dataset", revision=at, endpoint=api.endpoint)
        response = get_session().get(url, headers=build_hf_headers(token=self._target.token))
        hf_raise_for_status(response)
        return bytes(response.content)

    def _entries(self, api: Any, *, paths: list[str], oid: str) -> list[Any]:
        return list(api.get_paths_info(self._target.repo_id, paths, revision=oid, repo_type="dataset"))

    def _info(self, api: Any) -> Any:
        return api.repo_info(self._target.repo_id, repo_type="dataset", revision="main")

    def _require_visibility(self, info: Any) -> None:
        is_private = bool(info.private)
        if is_private != self._target.private:
            there, asked = ("private" if is_private else "public"), str(self._target.private).lower()
            raise Refused(
                f"{self._target.repo_id}: the dataset is {there} but HF_PRIVATE={asked}; "
                "change one of them, or name another dataset in HF_REPO_ID"
            )

    def _ask(self, question: Callable[[Any], T]) -> T:
        session.prepared(self._pace)
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._target.endpoint, token=self._target.token)
        try:
            with session.our_call():
                return question(api)
        except HubFault:
            raise
        except Exception as error:  # a client library may raise anything: what it means is decided in one place
            raise self._fault(error) from error

    def _fault(self, error: BaseException) -> HubFault:
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

        if isinstance(error, HubFault):
            return error
        if isinstance(error, OfflineModeIsEnabled):
            return Refused("HF_HUB_OFFLINE is set: nothing is sent to the Hub; unset it")
        if isinstance(error, HFValidationError):
            return Refused(f"HF_REPO_ID: {self._one_line(error)}")
        if isinstance(error, HfHubHTTPError):
            return self._fault_of_answer(error)
        if isinstance(error, (ValueError, RuntimeError)) and error.__cause__ is not None:
            # Wrapped by the library: a refused card, a failed LFS upload.
            return self._fault(error.__cause__)
        return Unreached(f"{type(error).__name__}: {self._one_line(error)}")

    def _fault_of_answer(self, error: Any) -> HubFault:
        repo_id, status = self._target.repo_id, int(error.response.status_code)
        says = self._redact(str(error.server_message or "").strip()) or "no reason given"
        code = error.response.headers.get("X-Error-Code")
        if status == 401:
            return Refused("HF_TOKEN: the Hub does not take this token (401); make a new one with write access")
        if status in (402, 403):
            return Refused(f"HF_TOKEN: this token may not write to {repo_id} ({status}: {says}); use one that may")
        if status == 404 and code == "RepoNotFound":
            return RepoMissing(f"{repo_id}: no such dataset, or this token may not see it; check HF_REPO_ID, HF_TOKEN")
        if status in (409, 412) or code in ("EntryNotFound", "RevisionNotFound"):
            return Conflicted(f"the Hub answered {status}: {says}")
        return Rejected(f"{repo_id}: the Hub answered {status}: {says}")

    def _one_line(self, error: BaseException) -> str:
        return self._redact(" ".join(str(error).split())[:300])


def _files(entries: Iterable[Any]) -> dict[str, FileSeen]:
    """Files only, by path; folders have no blob id."""
    return {
        entry.path: FileSeen(entry.size, entry.blob_id, None if entry.lfs is None else entry.lfs.sha256)
        for entry in entries
        if hasattr(entry, "blob_id")
    }
