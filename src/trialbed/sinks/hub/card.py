"""What does the dataset's README say? Pure: the card there was and the facts of a run give the card there should be.

We own two keys of its header (`configs`, `dataset_info`) and the text between our marks; in there every run
has a section of its own. Everything else is the user's and stays.
"""

import html
import re
from typing import Any

from trialbed.core.redact import Redactor
from trialbed.core.text import for_terminal
from trialbed.sinks.hub.faults import Refused
from trialbed.sinks.hub.features import Feature, as_yaml
from trialbed.sinks.hub.merge import GROWING_FILE
from trialbed.sinks.hub.target import RunCard

CARD = "README.md"
SHARDS = "data/*/part-*.jsonl"

_BEGIN = "<!-- trialbed:begin (written by trialbed; your own text is kept above and below) -->"
_END = "<!-- trialbed:end -->"
_OURS = re.compile(r"<!-- trialbed:begin\b.*?<!-- trialbed:end -->", re.DOTALL)
_RUN = re.compile(r"<!-- trialbed:run (\S+) -->\n.*?<!-- trialbed:end-run -->", re.DOTALL)
_HEADER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_OWN_KEYS = ("configs", "dataset_info")
_MOST_NAMES = 40
_READING = (
    "Trials of language models, one row per trial, written by trialbed. Every row has one `outcome`; only",
    "`answered` rows may enter a rate. `evaluation` is null unless a verdict was valid. Rows are unique by",
    "`run` and `trial_id`; a row that was judged again takes the place of the old one, with a higher `revision`.",
)


def card(
    before: str | None, facts: RunCard, *, repo_id: str, columns: dict[str, Feature], has_growing_file: bool
) -> str:
    """The README as it should be. `before` None: there is none yet.

    Raises:
        Refused: the header of the card there is cannot be read.
    """
    header, body = _split(before or "")
    section = _section(body, facts, repo_id)
    if _OURS.search(body):
        body = _OURS.sub(lambda _: section, body, count=1)
    else:
        body = f"{body.rstrip()}\n\n{section}\n" if body.strip() else f"{section}\n"
    return f"---\n{_header(header, repo_id, columns, has_growing_file)}---\n{body}"


def _split(text: str) -> tuple[str, str]:
    match = _HEADER.match(text)
    return ("", text) if match is None else (match[1], text[match.end() :])


def _header(before: str, repo_id: str, columns: dict[str, Feature], has_growing_file: bool) -> str:
    """The user's lines as they stand, then our two keys."""
    import yaml

    try:
        there = yaml.safe_load(before) or {}
    except yaml.YAMLError:
        there = None
    if not isinstance(there, dict):
        raise Refused(f"{repo_id}/{CARD}: its YAML header cannot be read; correct it on the Hub")
    paths = [SHARDS, GROWING_FILE] if has_growing_file else [SHARDS]
    theirs = [config for config in _as_list(there.get("configs")) if not _is_ours(config)]
    name = "trials" if any(config.get("config_name") == "default" for config in theirs) else "default"
    ours = {"config_name": name, "data_files": [{"split": "train", "path": paths}]}
    infos = [info for info in _as_list(there.get("dataset_info")) if info.get("config_name", "default") != name]
    infos = [info for info in infos if theirs]  # without configs of their own it described ours
    info: dict[str, Any] = {"config_name": name, "features": as_yaml(columns)}
    kept = _without(before, _OWN_KEYS) if there else "tags:\n- trialbed\n"
    own = {"configs": [*theirs, ours], "dataset_info": [*infos, info] if infos else info}
    return kept + str(yaml.safe_dump(own, sort_keys=False, allow_unicode=True, width=120))


def _without(header: str, keys: tuple[str, ...]) -> str:
    """The lines of a YAML mapping but for those of some top-level keys."""
    kept: list[str] = []
    dropping = False
    for line in header.splitlines():
        if line[:1] not in ("", " ", "\t", "#", "-"):
            dropping = line.split(":")[0].strip("\"' ") in keys
        if not dropping:
            kept.append(line + "\n")
    return "".join(kept)


def _as_list(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict)]


def _is_ours(config: dict[str, Any]) -> bool:
    return SHARDS in str(config.get("data_files"))


def _section(body: str, facts: RunCard, repo_id: str) -> str:
    ours = _OURS.search(body)
    runs = {match[1]: match[0] for match in _RUN.finditer(ours[0])} if ours else {}
    runs[_mark(facts.run)] = _run_section(facts)
    return "\n".join(
        [
            _BEGIN,
            f"# {_plain(repo_id.split('/')[-1])}",
            "",
            *_READING,
            "",
            "```python",
            "from datasets import load_dataset",
            f'rows = load_dataset("{_plain(repo_id)}", split="train")',
            "```",
            "",
            "## What was run",
            "",
            *runs.values(),
            "",
            "## Citation",
            "",
            *_citation(repo_id),
            _END,
        ]
    )


def _citation(repo_id: str) -> list[str]:
    key = re.sub(r"[^a-z0-9]+", "-", repo_id.lower()).strip("-")
    return [
        "```bibtex",
        f"@misc{{{key},",
        "  author       = {fill in},",
        "  title        = {fill in},",
        f"  howpublished = {{Hugging Face dataset {_plain(repo_id)}}},",
        "}",
        "```",
    ]


def _run_section(facts: RunCard) -> str:
    plan = facts.plan
    rows = {
        "experiment": f"{facts.experiment} {facts.version}",
        "plan hash": facts.plan_hash,
        "planned trials": str(facts.planned),
        "scenarios": _names(plan, "scenarios"),
        "variants": _names(plan, "variants"),
        "baseline": ", ".join(str(v.get("id")) for v in _as_list(plan.get("variants")) if v.get("baseline")),
        "subjects": _few([str(subject) for subject in facts.subjects]),
        "judges": _few([str(judge) for judge in plan.get("judges") or []]),
        "repeats": str(plan.get("repeats", "")),
        "seed": str(plan.get("seed", "")),
        "sampling": _settings(plan.get("sampling")),
        "judge sampling": _settings(plan.get("judge_sampling")),
        "code commit": str(facts.provenance.get("code_commit") or "unknown"),
        "packages": _settings(facts.provenance.get("sdk")),
    }
    lines = [f"- {name}: {_plain(text)}" for name, text in rows.items() if text]
    head = [f"<!-- trialbed:run {_mark(facts.run)} -->", f"### {_plain(facts.run)}", ""]
    return "\n".join([*head, *lines, "<!-- trialbed:end-run -->"])


def _names(plan: dict[str, Any], key: str) -> str:
    return _few([str(item.get("id")) for item in _as_list(plan.get(key))])


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _settings(values: Any) -> str:
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


def _mark(run: str) -> str:
    """The run's name as it may stand inside a mark: no blanks, no end of a comment."""
    return re.sub(r"[^A-Za-z0-9._-]|--+", "-", run) or "-"


def _plain(text: str) -> str:
    """Text that stays text in Markdown and HTML, on one line, account numbers masked."""
    one_line = Redactor()(" ".join(for_terminal(text).split()))
    return re.sub(r"([\\`*\[\]|])", r"\\\1", html.escape(one_line, quote=False))
