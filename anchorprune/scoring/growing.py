"""Arrays that are filled part by part, without a second copy of them."""

import numpy as np

ROOM = 1.1  # times the length that the parts so far let expect


class Growing:
    """An array that parts are added to.

    It asks for room for all parts at once: memory that is not written yet is not taken from the machine.
    """

    def __init__(self) -> None:
        self._array: np.ndarray | None = None
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, part: np.ndarray, share: float) -> None:
        """Add a part; then a `share` of all there will be is there, to judge by how long the array becomes."""
        size = self._size + len(part)
        if self._array is None or size > len(self._array):
            larger = np.empty((int(size / share * ROOM) + 1, *part.shape[1:]), part.dtype)
            if self._array is not None:
                larger[: self._size] = self._array[: self._size]
            self._array = larger
        self._array[self._size : size] = part
        self._size = size

    def array(self) -> np.ndarray:
        """What was added."""
        return self._array[: self._size]
