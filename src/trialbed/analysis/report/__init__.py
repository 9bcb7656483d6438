"""How does a report look on disk? `write_report` writes all of it; nothing else of this package is for others."""

from trialbed.analysis.report.write import write_report

__all__ = ["write_report"]
