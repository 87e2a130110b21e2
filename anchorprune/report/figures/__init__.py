"""The report's figures: one file each."""
