"""How long detectors take: parts timed in turn, and a head's latency table, here or on another device."""
