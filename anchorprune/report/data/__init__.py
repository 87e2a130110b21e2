"""What a report is made of: the manifest, the results table, published figures, counts of shapes."""
