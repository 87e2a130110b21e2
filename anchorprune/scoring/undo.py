"""Kernels that end a change: it is kept, or taken back from its log."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.state import FLIPS, LOGGED, ROWS
from anchorprune.scoring.tables import ALIVE


@kernel
def forget(s):
    """Make the changes since the last `forget` or `undo` final."""
    s.count[:] = 0


@kernel
def undo(t, s):
    """Take the changes since the last `forget` or `undo` back."""
    edge_start, edges = t.edge_start, t.edges
    flags, covers, matches, log, log_bits = s.flags, s.covers, s.matches, s.flip, s.flip_bits
    for i in range(s.count[FLIPS]):
        j = log[i]
        flags[j] ^= log_bits[i]
        if log_bits[i] & ALIVE and not t.agnostic:  # there covers are made anew each time
            step = np.uint16(1) if flags[j] & ALIVE else np.uint16(65535)
            for e in range(edge_start[j], edge_start[j + 1]):
                covers[j + edges[e]] += step
    for i in range(s.count[ROWS]):
        matches[s.row_log[i]] ^= s.match_log[i]
    for i in range(s.count[LOGGED]):
        image = s.image_log[i, 0]
        s.alive[image] = s.image_log[i, 1]
        s.cut[image] = s.image_log[i, 2]
    forget(s)
