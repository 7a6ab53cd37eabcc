"""What people read of an audit: one page, its pictures, and models side by side."""

from phasekey.audit.report.comparison import write_comparison
from phasekey.audit.report.html.page import write_report

__all__ = ["write_comparison", "write_report"]
