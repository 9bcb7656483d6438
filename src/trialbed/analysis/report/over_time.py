"""What does the section on the course of a run show? Empty where nothing is measured over time."""

from dataclasses import dataclass
from functools import cached_property

from trialbed.analysis.findings import Findings
from trialbed.analysis.report import course
from trialbed.analysis.report.forest import Forest
from trialbed.analysis.report.leaders import Leader, leaders
from trialbed.core.measure import Measure


@dataclass(frozen=True)
class OverTime:
    """What the template shows."""

    findings: Findings
    WIDTH = course.WIDTH
    HEIGHT = course.HEIGHT
    MARK = course.MARK

    @cached_property
    def is_there(self) -> bool:
        return any(name in self.findings.tables for name in ("percentiles", "over_time", "availability"))

    @cached_property
    def measures(self) -> list[Measure]:
        return [measure for measure in self.findings.choices.measures if measure.over_time]

    @cached_property
    def leaders(self) -> list[Leader]:
        return leaders(self.findings.tables.get("percentiles"), self.findings.choices)

    @cached_property
    def axis(self) -> course.Axis | None:
        return course.axis_of(self.findings.tables.get("availability"), self.findings.facts.get("bin_s"))

    @cached_property
    def courses(self) -> list[course.Course]:
        return [] if self.axis is None else course.courses(self.findings.tables, self.axis)

    @cached_property
    def presences(self) -> list[course.Presence]:
        if self.axis is None:
            return []
        return course.presences(self.findings.tables.get("availability"), self.axis)

    @cached_property
    def boxes(self) -> list[Forest]:
        return course.boxes(self.findings.tables.get("percentiles"))
