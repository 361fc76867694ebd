"""The report: one HTML file that answers "what if prices or the budget differ?" without Python."""

from cqb_pareto.report.page import Mark, Page
from cqb_pareto.report.words import plan_lines, summary_line
from cqb_pareto.report.write import write_front_png, write_report

__all__ = ["Mark", "Page", "plan_lines", "summary_line", "write_front_png", "write_report"]
