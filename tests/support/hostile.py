"""What could a model, a judge or a file write to break a page, a table or a terminal?"""

from dataclasses import replace

from tests.support.findings import World, findings, transcript
from trialbed.analysis.findings import Findings, Told
from trialbed.analysis.table import Table

SCRIPT = "<script>window.pwned = 1; alert('pwned')</script><img src=x onerror=\"alert('pwned')\">"
CLOSING = '</p></div></details></main></body></html>"><svg onload=alert(1)>'
STEERING = "\x1b[31mred\x1b[0m \x07 \x00 \u202eevil\u202c \u2066x\u2069 \ufeff \U000e0041"
MARKUP = "[/x] [bold]{{ 7 * 7 }} {% raw %} ${x} `x` &lt;b&gt; &amp;"
LONG_LINE = "0123456789" * 10_000
TEXTS = (SCRIPT, CLOSING, STEERING, MARKUP, LONG_LINE)
FORMULA = '=HYPERLINK("http://example.invalid","x")'


def hostile_transcript(world: World) -> Told:
    """Every field that comes from outside holds something."""
    return transcript(
        0,
        world,
        run=f"run {SCRIPT}",
        run_id=f'id" {CLOSING}',
        scenario=SCRIPT,
        reason=SCRIPT + LONG_LINE,
        category=f'"><b>{SCRIPT}',
        outcome="answered",
        log=tuple(
            {"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(TEXTS)
        ),
        verdicts=(
            {"name": SCRIPT, "judge": CLOSING, "values": {SCRIPT: SCRIPT, "nested": {CLOSING: list(TEXTS)}, "n": None}},
        ),
    )


def hostile_findings() -> Findings:
    """Findings whose names, cells, texts and warnings are all of that kind."""
    world = World(variants=("baseline", SCRIPT, CLOSING, FORMULA, "-1+1|x"), subjects=(f"m{CLOSING}", STEERING))
    found = findings(world, transcripts=6)
    tables = {name: _with_last_cell(table) for name, table in found.tables.items()}
    runs = tuple(replace(run, name=SCRIPT, experiment=CLOSING, plan_hash=SCRIPT) for run in found.runs)
    return replace(
        found,
        title=SCRIPT,
        source=CLOSING,
        runs=runs,
        tables=tables,
        warnings=(SCRIPT, CLOSING, STEERING + LONG_LINE),
        transcripts=(hostile_transcript(world), *found.transcripts),
    )


def _with_last_cell(table: Table) -> Table:
    if table.name != "deviations":
        return table
    return replace(table, rows=(("run", FORMULA, SCRIPT, STEERING, 'two\nlines, "quoted"', CLOSING), *table.rows))
