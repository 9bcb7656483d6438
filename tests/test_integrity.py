"""Is every change to a run on disk seen, and never one that was not made? Bytes, lines, plans and backup files."""

import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.audit import audit_every_run
from tests.support.experiments import QUIZ_FILES
from tests.support.forging import NO_LINE, forge, forged, forged_line, name_of, seal_by_hand
from tests.support.journal import whole_prefix
from tests.support.project import RunOnDisk, make_project
from trialbed.app.integrity import integrity_problem
from trialbed.app.journal import open_journal
from trialbed.core.canonical import digest
from trialbed.core.choices import Choices
from trialbed.core.experiment import Scenario, Variant
from trialbed.core.model import ModelName, Sampling
from trialbed.core.plan import Plan
from trialbed.engine.folder import RunFolder
from trialbed.sinks.backups import readable
from trialbed.sinks.journal.integrity import JournalCheck, check_journal, iter_events
from trialbed.sinks.journal.writer import Journal
from trialbed.sinks.plan_check import check_plan

pytestmark = pytest.mark.handmade_runs  # and each test looks at them itself

GOLDEN_WITHOUT_CHAIN = Path(__file__).parent / "golden" / "journal_without_chain.jsonl"
TRIAL = "0123456789abcdef0123"
OTHER_VALUES = (b"\n", b" ", b"}", b"\xff")


def a_sitting(folder: Path, write: Callable[[Journal], None], *, announce: Callable[[str], None] = str) -> None:
    """One sitting at the run in `folder`, in the program's own way."""

    async def sit() -> None:
        with open_journal(RunFolder(folder), patience_s=0.0, announce=announce) as journal:
            async with anyio.create_task_group() as group:
                group.start_soon(journal.keep)
                write(journal)
                await journal.settle()
                journal.close()

    anyio.run(sit)


def six_events(journal: Journal) -> None:
    journal.post("run_start", None, plan_hash="00000000000000000000", planned=1)
    journal.post("attempt", TRIAL, request="abc", n=1, why="first")
    journal.post("answer", TRIAL, request="abc", text="Grüße — \u2028 ok, {not an object}", call={"role": "subject"})
    journal.post("record", TRIAL, outcome="answered", revision=0, variant="baseline", record={"trial_id": TRIAL})
    journal.post("governor", None, model="bedrock:m", why="end", limit=20)
    journal.post("run_stop", None, plan_hash="00000000000000000000", why="finished", complete=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose only sitting has ended."""
    folder = tmp_path / "quiz-20261120T120000Z"
    folder.mkdir()
    a_sitting(folder, six_events)
    return folder


def check(folder: Path, data: bytes) -> JournalCheck:
    """What is said of the journal when it holds these bytes."""
    (folder / "journal.jsonl").write_bytes(data)
    return check_journal(folder / "journal.jsonl")


# -- a journal and its seal


def test_a_sitting_leaves_a_chain_and_a_seal_that_tells_how_far_it_goes(folder: Path) -> None:
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["prev"] for line in lines] == [NO_LINE, *map(name_of, lines[:-1])]
    seal = json.loads((folder / "journal.seal").read_bytes())
    assert seal.pop("at").endswith("Z")
    assert seal == {"lines": 6, "bytes": sum(map(len, lines)), "head": name_of(lines[-1])}
    assert (folder / "journal.seal").stat().st_mode & 0o777 == 0o600
    assert check_journal(folder / "journal.jsonl") == JournalCheck(6, 6, seal["head"], 0, None)
    assert [event["e"] for event in iter_events(folder / "journal.jsonl")][::5] == ["run_start", "run_stop"]


@pytest.mark.parametrize("is_sealed", [True, False])
def test_no_byte_of_a_finished_journal_can_be_altered_unseen(folder: Path, is_sealed: bool) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    if not is_sealed:
        (folder / "journal.seal").unlink()
    for at in range(len(data)):
        old = data[at : at + 1]
        for new in {*OTHER_VALUES, bytes([old[0] ^ 1]), bytes([old[0] ^ 32])} - {old}:
            found = check(folder, data[:at] + new + data[at + 1 :])
            line = data.count(b"\n", 0, at) + 1
            assert found.problem is not None and f"line {line}:" in found.problem, (at, new, found)


def test_no_line_can_be_taken_out_doubled_or_moved_unseen(folder: Path) -> None:
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for at in range(len(lines)):
        before, line, after = lines[:at], lines[at], lines[at + 1 :]
        for altered in (before + after, [*before, line, line, *after], [*before, *after[:1], line, *after[1:]]):
            if altered != lines:
                assert check(folder, b"".join(altered)).problem is not None, (at, altered)


def test_a_line_changed_together_with_its_checksum_breaks_the_chain_and_the_last_one_the_seal(folder: Path) -> None:
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for at, line in enumerate(lines):
        event = json.loads(line)
        changed = forged_line(event | {"why": "changed"}, event["prev"])
        found = check(folder, b"".join([*lines[:at], changed, *lines[at + 1 :]]))
        wanted = "journal.seal says" if at == len(lines) - 1 else f"line {at + 2}: it does not follow"
        assert wanted in (found.problem or ""), found


def test_a_chain_made_anew_from_a_changed_line_on_differs_from_its_seal(folder: Path) -> None:
    events = list(iter_events(folder / "journal.jsonl"))
    assert "line 6: not the line that journal.seal says" in (
        check(folder, forged([events[0] | {"planned": 2}, *events[1:]])).problem or ""
    )


def test_a_sealed_journal_cannot_be_cut_anywhere_unseen(folder: Path) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    for end in range(len(data)):
        found = check(folder, data[:end])
        assert f"line {found.lines + 1}: missing; journal.seal says there were 6 lines" in (found.problem or "")
        assert found.lines == data[:end].count(b"\n")
    (folder / "journal.jsonl").unlink()
    assert "missing" in (check_journal(folder / "journal.jsonl").problem or "")


def test_a_line_without_a_link_after_chained_ones_is_named(folder: Path) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    found = check(folder, data + forged_line({"e": "plan_grown"}, None))
    assert "line 7: it does not name the line before" in (found.problem or "")


@pytest.mark.parametrize("rest", [b"]", b"{}", b'"a":NULL}', b"[" * 100_000], ids=["a", "b", "c", "deep"])
def test_a_line_that_is_no_json_is_named_though_checksum_and_chain_are_right(folder: Path, rest: bytes) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    good = forged_line({"e": "plan_grown"}, name_of(data.splitlines()[-1]))
    bad = good[18:-2] + b"," + rest
    assert check(folder, data + good).problem is None
    found = check(folder, data + b'{"crc":"%08x",%s\n' % (zlib.crc32(bad), bad))
    assert "line 7: not JSON" in (found.problem or "")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"lines":"6","bytes":1,"head":"0"}', "\xff", '{"lines":6,"bytes":1}']
)
def test_a_seal_that_is_none_is_named(folder: Path, text: str) -> None:
    (folder / "journal.seal").write_text(text, encoding="latin-1")
    assert check_journal(folder / "journal.jsonl").problem == "journal.seal: not a seal; it was damaged or changed"


# -- no false alarm


def test_a_run_that_never_began_has_nothing_wrong_with_it(tmp_path: Path) -> None:
    assert check_journal(tmp_path / "journal.jsonl") == JournalCheck(0, 0, NO_LINE, 0, None)


def test_a_kill_at_any_byte_is_no_problem_and_neither_is_going_on_after_it(folder: Path) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    for end in range(len(data) + 1):
        (folder / "journal.seal").unlink(missing_ok=True)
        found = check(folder, data[:end])
        kept = whole_prefix(data[:end])
        assert (found.problem, found.torn_bytes, found.lines) == (None, end - len(kept), kept.count(b"\n")), end
        if end % 5 == 0:
            a_sitting(folder, six_events)
            found = check_journal(folder / "journal.jsonl")
            assert (found.problem, found.torn_bytes, found.chained) == (None, 0, kept.count(b"\n") + 6), end


def test_a_torn_tail_after_a_sealed_sitting_is_no_problem(folder: Path) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    for tail in (data[:1], data[:100], bytes(100), b"\r\r"):
        found = check(folder, data + tail)
        assert (found.problem, found.torn_bytes) == (None, len(tail))


def test_a_whole_line_whose_newline_was_changed_is_no_torn_tail_even_with_one_behind_it(folder: Path) -> None:
    data = (folder / "journal.jsonl").read_bytes()
    (folder / "journal.seal").unlink()
    for behind in (b"", b'{"crc":"89', b"{" * 5000):
        assert "line 6: its newline was changed" in (check(folder, data[:-1] + b" " + behind).problem or "")


def test_lines_given_but_never_written_leave_no_gap(folder: Path) -> None:
    async def sit() -> None:
        with open_journal(RunFolder(folder), patience_s=0.0, announce=str) as journal:
            for kind in ("attempt", "attempt", "attempt"):
                journal.post(kind, TRIAL)  # `keep` never runs

    anyio.run(sit)
    a_sitting(folder, six_events)
    assert check_journal(folder / "journal.jsonl") == JournalCheck(12, 12, head_of(folder), 0, None)


def test_last_words_and_first_words_are_links_of_the_chain(folder: Path) -> None:
    def write(journal: Journal) -> None:
        journal.write_first("plan_grown", None, plan_hash="1", planned=2)
        six_events(journal)
        journal.flush_now()

    a_sitting(folder, write)
    assert check_journal(folder / "journal.jsonl") == JournalCheck(13, 13, head_of(folder), 0, None)


def head_of(folder: Path) -> str:
    return name_of((folder / "journal.jsonl").read_bytes().splitlines()[-1])


def test_a_journal_of_an_earlier_version_has_no_chain_and_gets_one_when_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    shutil.copy(GOLDEN_WITHOUT_CHAIN, path)
    old = path.read_bytes().splitlines(keepends=True)
    assert check_journal(path) == JournalCheck(len(old), 0, name_of(old[-1]), 0, None)
    a_sitting(tmp_path, six_events)
    found = check_journal(path)
    assert (found.lines, found.chained, found.problem) == (len(old) + 6, 6, None)
    new = path.read_bytes().splitlines(keepends=True)[len(old) :]
    changed = forged_line(json.loads(old[-1]) | {"limit_usd": 6.0}, None)
    assert f"line {len(old) + 1}: it does not follow" in (
        check(tmp_path, b"".join([*old[:-1], changed, *new])).problem or ""
    )


# -- the seal from the writer's side


def test_every_sitting_that_wrote_something_seals_anew_and_no_other(folder: Path) -> None:
    first = (folder / "journal.seal").read_bytes()
    a_sitting(folder, lambda _: None)
    assert (folder / "journal.seal").read_bytes() == first
    a_sitting(folder, six_events)
    assert json.loads((folder / "journal.seal").read_bytes())["lines"] == 12


def test_a_seal_that_cannot_be_written_costs_nothing_else(folder: Path) -> None:
    old = (folder / "journal.seal").read_bytes()
    (folder / ".journal.seal.new").mkdir()
    a_sitting(folder, six_events)
    assert (folder / "journal.seal").read_bytes() == old
    assert check_journal(folder / "journal.jsonl") == JournalCheck(12, 12, head_of(folder), 0, None)


def test_going_on_with_a_journal_that_lost_sealed_lines_does_not_hide_it(folder: Path) -> None:
    lines, said = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True), list[str]()
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:3]))
    a_sitting(folder, six_events, announce=said.append)
    assert any("not what it was when it was sealed" in line for line in said)
    assert "line 6: not the line that journal.seal says" in (check_journal(folder / "journal.jsonl").problem or "")


# -- the plan


class Framing(Variant):
    words: str = ""


def plan_of(*, scenarios: int = 2, variants: int = 2, subjects: int = 1, repeats: int = 2, **other: Any) -> Plan:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/m-"
    return Plan(
        experiment="probe",
        version="1.0.0",
        scenarios=tuple(Scenario(id=f"scene{n}", system=f"Du bist in Szene {n} — ü.") for n in range(scenarios)),
        variants=tuple(Framing(id=f"tone{n}", label=f"Tone {n}", words=f"words {n}") for n in range(variants)),
        baseline="tone0",
        subjects=tuple(ModelName("bedrock", f"{arn}{n}") for n in range(subjects)),
        sampling=Sampling(500, 0.7, 0.95),
        repeats=repeats,
        **{"seed": 42} | other,
    )


plans = st.builds(
    plan_of,
    scenarios=st.integers(1, 3),
    variants=st.integers(1, 4),
    subjects=st.integers(1, 3),
    repeats=st.integers(0, 4),
    seed=st.integers(0, 2**63 - 1),
    limit=st.none() | st.integers(0, 40),
)


@settings(deadline=None)
@given(plans)
def test_the_plan_unrolled_a_second_way_has_the_very_trials_of_the_first(plan: Plan) -> None:
    with TemporaryDirectory() as name:
        RunFolder(Path(name)).write_plan(plan, analysis=Choices(baseline=plan.baseline))
        found = check_plan(Path(name))
    assert (found.problem, found.planned, found.per_variant) == (None, plan.size, plan.per_variant())
    assert [
        (one_id, one.variant, one.scenario, one.subject, one.repeat, one.block_id, one.index)
        for one_id, one in found.trials.items()
    ] == [
        (one.trial_id, one.variant.id, one.scenario.id, str(one.subject), one.repeat, one.block_id, one.index)
        for one in plan.trials()
    ]


def alter(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(changes)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (alter(plan_hash="0" * 20), "plan.json: plan_hash is 00000000000000000000"),
        (alter(planned=9), "plan.json: planned is 9, but its plan has 8"),
        (alter(per_variant={"tone0": 5, "tone1": 3}), "plan.json: per_variant is"),
        (lambda document: document["plan"].update(judges=["bedrock:m"]), "plan.json: plan_hash is"),
        (lambda document: document["plan"]["scenarios"][0].update(system="Other."), "plan.json: plan_hash is"),
        (lambda document: document["plan"].pop("limit"), "plan.json: not readable as a plan (KeyError)"),
        (lambda document: document["plan"].update(repeats="2"), "plan.json: not readable as a plan (TypeError)"),
        (lambda document: document.clear(), "plan.json: not readable as a plan (KeyError)"),
    ],
)
@pytest.mark.damages_runs
def test_a_plan_that_was_changed_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    RunFolder(tmp_path).write_plan(plan_of(), analysis=Choices(baseline=plan_of().baseline))
    document = json.loads((tmp_path / "plan.json").read_text())
    change(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert (check_plan(tmp_path).problem or "").startswith(problem)


OLD, NEW = plan_of(repeats=2), plan_of(repeats=3)


def start(plan: Plan) -> dict[str, Any]:
    return {"e": "run_start", "plan_hash": plan.plan_hash}


def grown(plan: Plan) -> dict[str, Any]:
    return {"e": "plan_grown", "plan_hash": plan.plan_hash}


def stop(plan: Plan) -> dict[str, Any]:
    return {"e": "run_stop", "plan_hash": plan.plan_hash}


def record(plan: Plan, number: int = 0, **other: Any) -> dict[str, Any]:
    """The line of a record as a run would have written it, or with `other` members of the record."""
    trial = list(plan.trials())[number]
    row = {
        "run_id": f"run_{trial.variant.id}_1795176000_{trial.index}",
        "trial_id": trial.trial_id,
        "block_id": trial.block_id,
        "plan_hash": plan.plan_hash,
        "revision": 0,
        "scenario": trial.scenario.id,
        "prompt_variant": trial.variant.id,
        "repeat": trial.repeat,
        "outcome": "answered",
        "provider": trial.subject.provider,
        "steward_model": trial.subject.public_id,
    }
    head = {"e": "record", "trial": trial.trial_id, "outcome": "answered", "revision": 0, "variant": trial.variant.id}
    return head | {"record": row | other}


def written(folder: Path, plan: Plan, events: list[dict[str, Any]]) -> RunFolder:
    """A run on disk whose plan.json holds `plan` and whose journal has these events."""
    run = RunFolder(folder / "20261120" / "probe-20261120T120000Z")
    run.path.mkdir(parents=True)
    run.write_plan(plan, analysis=Choices(baseline=plan.baseline))
    run.journal.write_bytes(forged(events))
    seal_by_hand(run.journal)
    return run


@pytest.mark.parametrize(
    ("plan", "events"),
    [
        (OLD, []),
        (OLD, [start(OLD), record(OLD)]),
        (NEW, [start(OLD), record(OLD), stop(OLD), grown(NEW), start(NEW), record(NEW, 9), stop(NEW)]),
        (NEW, [start(OLD), record(OLD), start(NEW), grown(NEW), record(NEW, 9)]),
        (OLD, [start(OLD), record(OLD), grown(NEW)]),
        (OLD, [start(OLD), record(OLD), grown(NEW), start(OLD), record(OLD, 1)]),
        (NEW, [start(OLD), record(OLD), grown(NEW), start(OLD), record(OLD, 1), grown(NEW), start(NEW)]),
    ],
    ids=[
        "new",
        "begun",
        "grown",
        "grown by an earlier version",
        "killed before plan.json",
        "resumed then",
        "later grown",
    ],
)
def test_a_plan_that_grew_at_whatever_moment_it_was_killed_is_no_problem(
    tmp_path: Path, plan: Plan, events: list[dict[str, Any]]
) -> None:
    run = written(tmp_path, plan, events) if events else RunFolder(tmp_path)
    run.write_plan(plan, analysis=Choices(baseline=plan.baseline))
    assert integrity_problem(run) is None


@pytest.mark.parametrize(
    ("plan", "events", "problem"),
    [
        (NEW, [start(OLD), record(OLD)], f"plan.json: its plan {NEW.plan_hash} is named nowhere in the journal"),
        (NEW, [start(OLD), record(OLD), start(NEW)], f"line 1: names plan {OLD.plan_hash}, and no growth"),
        (OLD, [start(OLD), grown(NEW), start(NEW), record(NEW)], f"line 3: goes on with plan {NEW.plan_hash}"),
        (OLD, [start(OLD), start(NEW)], f"line 2: goes on with plan {NEW.plan_hash}"),
        (OLD, [start(OLD), record(NEW)], f"line 2: its record has plan_hash '{NEW.plan_hash}', named nowhere before"),
        (OLD, [record(OLD)], f"line 1: its record has plan_hash '{OLD.plan_hash}', named nowhere before"),
        (
            OLD,
            [start(OLD), {"e": "attempt", "trial": "f" * 20, "role": "subject"}],
            "line 2: trial ffffffffffffffffffff is not in the plan",
        ),
        (OLD, [start(OLD), record(NEW, 9, plan_hash=OLD.plan_hash)], "is not in the plan"),
        (OLD, [start(OLD), {"e": "record"}], "line 2: not an event of a run"),
        (OLD, [start(OLD), {"e": "record", "record": 3}], "line 2: not an event of a run"),
    ],
)
@pytest.mark.damages_runs
def test_a_journal_that_does_not_fit_its_plan_is_named(
    tmp_path: Path, plan: Plan, events: list[dict[str, Any]], problem: str
) -> None:
    assert problem in (integrity_problem(written(tmp_path, plan, events)) or "")


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "trial_id": "f" * 20,
        "outcome": "refused",
        "revision": 1,
        "prompt_variant": "tone9",
        "scenario": "scene9",
        "steward_model": "m",
        "provider": "rehearsal",
        "repeat": 7,
        "block_id": "0" * 20,
        "run_id": "run_tone0_1795176000_77",
    }.items(),
)
@pytest.mark.damages_runs
def test_a_record_that_is_not_of_its_planned_trial_is_named(tmp_path: Path, name: str, value: Any) -> None:
    problem = integrity_problem(written(tmp_path, OLD, [start(OLD), record(OLD, **{name: value})])) or ""
    shown = {"steward_model": "subject", "provider": "subject", "run_id": "index"}.get(name, name)
    assert problem.startswith("journal.jsonl line 2: the record of trial") and f"has {shown} " in problem


# -- the readable files


def with_backups(folder: Path, *files: dict[str, Any]) -> RunFolder:
    """A run with a record of revision 0 and a newer one, and these files beside it."""
    first, newer = record(OLD), record(OLD, revision=1) | {"revision": 1}
    run = written(folder, OLD, [start(OLD), first, newer])
    for file in files:
        (run.backups / f"{file['run_id']}.json").write_bytes(readable(file))
    return run


ROW = record(OLD)["record"]


@pytest.mark.parametrize("files", [[], [ROW], [ROW | {"revision": 1}]], ids=["none", "of the older", "of the newest"])
def test_a_backup_may_be_missing_or_of_an_earlier_revision(tmp_path: Path, files: list[dict[str, Any]]) -> None:
    run = with_backups(tmp_path, *files)
    (run.backups / "run_tone0_1700000000_0.json").write_text("of another run")
    assert integrity_problem(run) is None


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (ROW | {"outcome": "refused"}, "differs from its record in the journal (revision 0)"),
        (ROW | {"revision": 1, "repeat": 5}, "differs from its record in the journal (revision 1)"),
        (ROW | {"revision": 2}, "the journal has no such record of revision 2"),
        (ROW | {"run_id": "run_tone1_1795176000_3"}, "the journal has no such record of revision 0"),
    ],
)
@pytest.mark.damages_runs
def test_a_backup_that_the_journal_does_not_know_is_named(tmp_path: Path, file: dict[str, Any], problem: str) -> None:
    assert integrity_problem(with_backups(tmp_path, file)) == f"{file['run_id']}.json: {problem}"


@pytest.mark.damages_runs
def test_a_backup_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    run = with_backups(tmp_path)
    (run.backups / f"{ROW['run_id']}.json").write_bytes(b"\xff{")
    assert integrity_problem(run) == f"{ROW['run_id']}.json: not readable as a record"


# -- a real run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunOnDisk:
    """A rehearsal of six trials that was finished, and then grew by three."""
    project = make_project(tmp_path_factory.mktemp("run"), experiments=QUIZ_FILES, EXPERIMENT="quiz", BATCH_MODE="true")
    for size in ("2", "3"):
        ended = project.run(BATCH_SIZE=size)
        assert ended.code == 0, ended.stderr
    return project.the_run()


@pytest.fixture
def copied(finished: RunOnDisk, tmp_path: Path) -> Iterator[RunOnDisk]:
    """The same, copied with its readable files; `copied` may be altered."""
    day = shutil.copytree(finished.folder.parent, tmp_path / "elsewhere" / "20261120")
    yield RunOnDisk(day / finished.folder.name)


def test_a_run_passes_its_audit_also_when_it_was_moved(copied: RunOnDisk) -> None:
    assert len(copied.backups()) == len(copied.records()) == 9
    assert audit_every_run([copied.folder.parent.parent]) == []
    alone = shutil.copytree(copied.folder, copied.folder.parent.parent / "alone")
    assert audit_every_run([alone]) == []


def test_the_journal_knows_a_grown_plan_before_the_sitting_that_runs_it(finished: RunOnDisk) -> None:
    kinds = [event["e"] for event in iter_events(finished.journal) if event["e"].startswith(("run_", "plan_"))]
    assert kinds == ["run_start", "run_stop", "plan_grown", "run_start", "run_stop"]


@pytest.mark.damages_runs
def test_a_byte_altered_anywhere_in_a_real_run_fails_its_audit(copied: RunOnDisk) -> None:
    random = Random(20261120)
    data = copied.journal.read_bytes()
    for _ in range(200):
        at, by = random.randrange(len(data)), random.randrange(1, 256)
        copied.journal.write_bytes(data[:at] + bytes([data[at] ^ by]) + data[at + 1 :])
        (problem,) = audit_every_run([copied.folder])
        line = data.count(b"\n", 0, at) + 1
        assert f"journal.jsonl line {line}: " in problem, (at, by)
    copied.journal.write_bytes(data)
    assert audit_every_run([copied.folder]) == []


@pytest.mark.damages_runs
def test_a_record_forged_with_checksum_chain_and_seal_differs_from_its_readable_file(copied: RunOnDisk) -> None:
    def other_tone(events: list[dict[str, Any]]) -> None:
        next(event for event in events if event["e"] == "record")["record"]["evaluation"] = {"tone": "forged"}

    forge(copied.journal, other_tone)
    assert check_journal(copied.journal).problem is None
    (problem,) = audit_every_run([copied.folder])
    assert "differs from its record in the journal" in problem


@pytest.mark.damages_runs
def test_a_changed_judge_in_plan_json_is_not_the_plan_of_the_journal(copied: RunOnDisk) -> None:
    document = copied.plan()
    document["plan"]["judges"] = ["bedrock:another"]
    document["plan_hash"] = digest(document["plan"])
    (copied.folder / "plan.json").write_text(json.dumps(document))
    (problem,) = audit_every_run([copied.folder])
    assert "is named nowhere in the journal" in problem
