"""Pictures and pages of an experiment, and its results in the formats of other tools."""

from pedl.report.page import report_page, write_report

__all__ = ["report_page", "write_report"]
