"""Where results come from: what each was made of and by, and whether it still is so. Never the time of day."""

from anchorprune.provenance.origin import program_commit, provenance
from anchorprune.provenance.record import digest, is_intact, results_in
from anchorprune.provenance.recording import Recording, also_read
from anchorprune.provenance.verification import Findings, remove_damaged, verify

__all__ = [
    "Findings",
    "Recording",
    "also_read",
    "digest",
    "is_intact",
    "program_commit",
    "provenance",
    "remove_damaged",
    "results_in",
    "verify",
]
