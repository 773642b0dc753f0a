"""The stewards' report of a run: a page, a worklist for spreadsheets and a summary for machines.

``write_report`` makes the files from a ``RunReport``; ``compare_findings`` says what is new, known and mended.
"""

from expectations.report.comparison import compare_findings
from expectations.report.model import CONSEQUENCES, Run, RunReport
from expectations.report.writer import write_report

__all__ = ["CONSEQUENCES", "Run", "RunReport", "compare_findings", "write_report"]
