"""What of the set-up works, and how is the rest mended? Makes one small call to each model."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trialbed.app.checks import check_models, hub_problems, setting_problems
from trialbed.app.hub import check_hub
from trialbed.app.ingest import check_ingest, ingest_is_wanted, ingest_problems, ingest_target
from trialbed.app.instruments import self_judged, self_judging_notice
from trialbed.app.models import models_of
from trialbed.app.prepare import Prepared, Wanted, prepare
from trialbed.app.s3 import check_s3, s3_is_wanted, s3_target
from trialbed.core.errors import UserError
from trialbed.core.redact import Redactor
from trialbed.settings import known_secrets

_LEAST_FREE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, and what was seen or what to do.

    A warning is well too: a run can go on as it is, and whoever reads it decides.
    """

    what: str
    ok: bool
    said: str
    is_warning: bool = False


async def examine(root: Path, wanted: Wanted) -> list[Finding]:
    """All findings; without a usable configuration only those about the configuration."""
    try:
        prepared = prepare(root, wanted, also=hub_problems)
    except UserError as error:
        redact = Redactor(known_secrets(os.environ))
        return [Finding("configuration", False, redact(line)) for line in str(error).splitlines()]
    # Only now: `.env` has just been read, too.
    redact = Redactor(known_secrets(os.environ))
    problems = setting_problems(prepared)
    findings = [Finding("configuration", False, line) for line in problems] or [
        Finding("configuration", True, f"{prepared.plan.experiment}, {prepared.plan.size} trials planned")
    ]
    itself = self_judged(prepared.plan.subjects, prepared.plan.judges)
    findings += [Finding("judges", True, self_judging_notice(judge), is_warning=True) for judge in itself]
    findings += [_disk(prepared), *await _models(prepared, redact), *await _hub(prepared, problems, redact)]
    findings += await _s3(prepared, redact)
    findings += await _ingest(prepared, problems, redact)
    return findings


def _disk(prepared: Prepared) -> Finding:
    folder = prepared.settings.local_backup_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        return Finding("disk", False, f"{there} may not be written; set LOCAL_BACKUP_DIR to a folder you may write")
    if free < _LEAST_FREE_BYTES:
        return Finding(
            "disk", False, f"only {free >> 20} MB free at {there}; make room, or set LOCAL_BACKUP_DIR elsewhere"
        )
    return Finding("disk", True, f"{free >> 30} GB free for {folder}")


async def _models(prepared: Prepared, redact: Callable[[str], str]) -> list[Finding]:
    if prepared.why_rehearsal is not None:
        return [
            Finding("models", True, f"rehearsal, because {prepared.why_rehearsal}; set SUBJECT_MODELS for real ones")
        ]
    try:
        async with models_of(prepared) as models:
            checks = await check_models(models.by_name, prepared)
    except UserError as error:
        return [Finding("credentials", False, redact(str(error)))]
    return [
        Finding(f"model {check.model}", check.problem is None, redact(check.problem or "answers")) for check in checks
    ]


async def _hub(prepared: Prepared, problems: list[str], redact: Callable[[str], str]) -> list[Finding]:
    settings = prepared.settings
    if settings.hf_token is None and settings.hf_repo_id is None:
        return [Finding("Hub", True, "HF_TOKEN and HF_REPO_ID are not set: no upload")]
    if any(line.startswith("HF_") for line in problems):
        return []
    must_mend, may_pass = await check_hub(settings)
    if must_mend or may_pass:
        return [Finding("Hub", False, redact(line)) for line in (*must_mend, *may_pass)]
    return [Finding("Hub", True, f"{settings.hf_repo_id} is there and may be written")]


async def _s3(prepared: Prepared, redact: Callable[[str], str]) -> list[Finding]:
    settings = prepared.settings
    if not s3_is_wanted(settings):
        return []
    try:
        notes = await check_s3(settings)
    except UserError as error:
        return [Finding("S3", False, redact(str(error)))]
    if notes:
        return [Finding("S3", True, redact(note), is_warning=True) for note in notes]
    return [Finding("S3", True, f"{s3_target(settings).place} is there")]


async def _ingest(prepared: Prepared, problems: list[str], redact: Callable[[str], str]) -> list[Finding]:
    """Nothing is sent: a results server has no other way to say that it is there."""
    settings = prepared.settings
    if wrong := ingest_problems(settings):
        return [Finding("ingest", False, redact(line)) for line in wrong if line not in problems]
    if not ingest_is_wanted(settings):
        return []
    try:
        notes = await check_ingest(settings)
    except UserError as error:
        return [Finding("ingest", False, redact(str(error)))]
    if notes:
        return [Finding("ingest", True, redact(note), is_warning=True) for note in notes]
    return [Finding("ingest", True, f"{ingest_target(settings).place} may be sent to; it was not asked")]
