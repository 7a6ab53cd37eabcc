"""report.html: the page and its parts."""
