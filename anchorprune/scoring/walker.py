"""One subset's detections and curve, carried from subset to subset."""

from anchorprune.heads.layout import Subset
from anchorprune.scoring.curves import Curve, Log, change, empty_curve, long_enough
from anchorprune.scoring.pools import Pools
from anchorprune.scoring.state import State, clear, empty_state, with_own_scratch
from anchorprune.scoring.tables import Tables, blocks_of
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.toggles import is_near, toggles_of
from anchorprune.scoring.walks import walk_images
from anchorprune.scoring.words import Words


class Walker:
    """Carries a state and its curve from subset to subset, the images shared among threads.

    Attributes:
        curves: the subset's curve; behind it, space for those of children.
        subset: the subset; None after an interrupted move.
    """

    def __init__(self, tables: Tables, words: Words, pools: Pools, threads: Threads, beside: "Walker | None" = None):
        """No anchor is kept.

        Args:
            tables: of some images.
            words: of these.
            pools: of these.
            threads: that share the images.
            beside: a walker of other images of the same tables, whose state and curve this one writes into.
        """
        self._given, self._threads = (tables, words, pools), threads
        self._anchors = len(tables.level)
        self._blocks = threads.blocks(blocks_of(tables.image_start))
        self.subset: Subset | None = ()
        if beside:
            self._states, self.curves, self._logs = beside._states, beside.curves, beside._logs
            return
        self._states = [empty_state(*self._given)]
        self._states += [with_own_scratch(self._states[0], *self._given) for _ in self._blocks[1:]]
        self.curves = [empty_curve(tables)]
        self._logs: list[list[Log]] = [[] for _ in self._blocks]

    @property
    def state(self) -> State:
        """The kernels' own view of the subset; it changes with the next move."""
        return self._states[0]

    @property
    def curve(self) -> Curve:
        """The subset's curve; it changes with the next move."""
        return self.curves[0]

    def is_near(self, subset: Subset) -> bool:
        """Whether a subset is cheaper to reach from here than from nothing."""
        return self.subset is not None and is_near(subset, self.subset, self._anchors)

    def clear(self) -> None:
        """Keep no anchor, of all images that share the state."""
        clear(self.state)
        for array in self.curve:
            array[:] = 0
        self.subset = ()

    def move_to(self, subset: Subset) -> None:
        """Walk to a subset, however far it is."""
        begin, self.subset = self.subset, None  # should the walk be interrupted
        change(self.curve, self._walk([subset], begin, keep=True), self._threads)
        self.subset = subset

    def walk(self, subsets: list[Subset]) -> list[list[Log]]:
        """Carry the images through the subsets and back; what each does to the curve, in each thread's logs.

        The next walk or move overwrites them.
        """
        return self._walk(subsets, self.subset, keep=False)

    def _walk(self, subsets: list[Subset], begin: Subset, keep: bool) -> list[list[Log]]:
        toggles = toggles_of(subsets, begin)

        def run(thread: int) -> list[Log]:
            (block, end), own, used = self._blocks[thread], self._logs[thread], []
            while block < end:
                pieces = len(subsets) * (end - block)
                log = long_enough(own, len(used), self._given[0], len(subsets), pieces)
                block = walk_images(*self._given, self._states[thread], toggles, block, end, keep, log)
                used.append(log)
            return used

        return self._threads.map(run, range(len(self._blocks)))
