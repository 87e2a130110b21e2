"""The report's tables, in csv, md and tex."""
