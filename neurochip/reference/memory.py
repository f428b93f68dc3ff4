"""Arrays that are made once and written again: allocation of large ones costs page faults."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurochip.network import Shape
from neurochip.rules.surrogates import Floats


class Memory:
    """Arrays by name; a name whose shape or dtype changes gets a new array."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._arrays: dict[str, NDArray[Any]] = {}

    def take(self, name: str, shape: Shape, dtype: Any) -> NDArray[Any]:
        """An array of that shape and dtype with any contents."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = np.empty(shape, dtype)
            self._arrays[name] = array
        return array

    def like(self, name: str, array: Floats) -> Floats:
        """An array of the same shape and dtype with any contents."""
        return self.take(name, array.shape, array.dtype)
