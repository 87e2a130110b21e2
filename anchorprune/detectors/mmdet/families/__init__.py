"""Head families: what belongs to each anchor of a head; one file a family."""
