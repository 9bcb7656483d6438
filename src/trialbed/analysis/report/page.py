"""How is the page put together? Templates get findings, geometry and marks; they compute no number."""

from collections.abc import Iterable
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from trialbed.analysis.findings import Findings
from trialbed.analysis.report.marks import Marks, data_v
from trialbed.analysis.report.policy import content_policy
from trialbed.analysis.report.view import View
from trialbed.analysis.report.visible import as_html, one_line, visible
from trialbed.analysis.table import Cell, Column, shown

_MOST_CHARS_IN_A_CELL = 300
_TEMPLATES = "templates"
EXCLUSIONS = {
    "not_run": "not run",
    "truncated": "truncated: the reply ran into the token limit",
    "refused": "refused by the model",
    "filtered": "filtered by the provider",
    "parse_failed": "with an empty or malformed reply",
    "provider_error": "failed at the provider",
    "unjudged": "without a valid verdict",
    "incomplete_block": "in a block that is not complete",
    "no_value": "whose verdict does not say the measure",
}
_PLACED = frozenset(
    (
        *("measures", "means", "contrasts", "association", "rates", "ledger", "missingness", "bounds", "judges"),
        *(
            "agreement",
            "probes",
            "power",
            "variance",
            "sensitivity",
            "survival",
            "medians",
            "calls",
            "parameters",
            "deviations",
        ),
        *("percentiles", "over_time", "availability", "outages"),
        *("by_factor", "matched"),
    )
)
"""Tables that have a section of their own; any other comes after them."""


def render(findings: Findings, *, made_at: str, beside: Iterable[str]) -> str:
    """The whole of report.html. `beside` names the files that are written next to it."""
    view = View(findings)
    style, script = _asset("style.css"), _asset("filters.js")
    if view.course.is_there:
        style += _asset("over_time.css")
    marks = Marks(findings)
    environment = Environment(
        loader=PackageLoader("trialbed.analysis.report", _TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(seen=as_html, attribute=visible, brief=lambda text: one_line(str(text), most_chars=120))
    environment.globals.update(
        fact=marks.fact,
        has=marks.has,
        cell=marks.cell,
        choice=marks.choice,
        of_run=marks.run,
        told=marks.told,
        td=_td,
        facts=findings.facts,
        exclusions=EXCLUSIONS,
        placed=_PLACED,
    )
    return environment.get_template("page.html.jinja").render(
        findings=findings,
        view=view,
        made_at=made_at,
        beside=sorted(beside),
        style=Markup(style),
        script=Markup(script),
        policy=Markup(content_policy(style=style, script=script)),
    )


def _td(cell: Cell, column: Column) -> Markup:
    """One cell of a table: its exact spelling as an attribute, and what people read."""
    text = shown(cell, column.kind)
    if column.kind != "text":
        return Markup(f'<td class="num" data-v="{data_v(cell, column.kind)}">{as_html(text)}</td>')
    brief = text if len(text) <= _MOST_CHARS_IN_A_CELL else text[:_MOST_CHARS_IN_A_CELL] + "…"
    return Markup(f'<td data-v="{escape(data_v(cell, column.kind))}"><bdi>{as_html(brief)}</bdi></td>')


def _asset(name: str) -> str:
    return files("trialbed.analysis.report").joinpath(_TEMPLATES, name).read_text(encoding="utf-8")
