"""The report's tables."""

TABLE_FORMATS = ("csv", "md", "tex")
