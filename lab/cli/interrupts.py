"""Ctrl-C, told from what becomes of it.

An interrupt that falls into a library written in another language may arrive as an error of
that library's own: pydantic, building a validator, makes a SchemaError of it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noting_interrupts() -> Iterator[Callable[[], bool]]:
    """Gives the question whether there was an interrupt in the block, which is raised as ever."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    def interrupted() -> bool:
        return bool(came)

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
