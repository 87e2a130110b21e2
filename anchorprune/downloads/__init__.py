"""Data sets from their publishers' servers: what there is, fetching with resume and checksums, safe unpacking."""
