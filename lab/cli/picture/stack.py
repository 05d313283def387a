"""Putting things above one another, each as near as it can to where it would like to be.

Least squares under "in this order, without overlap" is isotonic regression: subtract from
each wish the room its predecessors take, and what remains must not decrease. Pooling
adjacent violators solves that exactly; clipping the result to a range does too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Item:
    """Something of a height that wants its top at ``wish``, ``gap`` below its predecessor."""

    height: float
    wish: float
    gap: float


def settle(items: Sequence[Item], low: float = -inf, high: float = inf) -> list[float]:
    """The top of each item; all between ``low`` and ``high`` when they fit."""
    if not items:
        return []
    offsets = [0.0]
    for above, below in zip(items, items[1:], strict=False):
        offsets.append(offsets[-1] + above.height + below.gap)
    free = _pool([item.wish - offset for item, offset in zip(items, offsets, strict=True)])
    last = high - offsets[-1] - items[-1].height
    return [max(low, min(wish, last)) + offset for wish, offset in zip(free, offsets, strict=True)]


def _pool(wishes: Sequence[float]) -> list[float]:
    pools: list[tuple[float, int]] = []
    for wish in wishes:
        pool = (wish, 1)
        while pools and pools[-1][0] / pools[-1][1] >= pool[0] / pool[1]:
            above = pools.pop()
            pool = (above[0] + pool[0], above[1] + pool[1])
        pools.append(pool)
    return [sum_ / count for sum_, count in pools for _ in range(count)]
