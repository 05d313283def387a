"""Values as the sentences of claims and sights have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def listed(words: Iterable[object], nothing: str = "nothing") -> str:
    """``a, b and c``."""
    texts = [str(word) for word in words]
    if len(texts) < 2:
        return texts[0] if texts else nothing
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def spaced(values: Sequence[object]) -> str:
    """``12076 65010``: an AS path, or communities."""
    return " ".join(map(str, values)) or "(none)"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def moment(offset: float, what: str) -> str:
    """``0.02 s after the last action``; ``offset`` is seconds, negative before it."""
    return f"{abs(offset):.2f} s {'before' if offset < 0 else 'after'} {what}"


def seconds(value: float) -> str:
    """``3 s``, ``0.25 s``."""
    return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"
