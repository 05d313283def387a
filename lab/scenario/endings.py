"""How a process that has a lab in hand is ended: always after its lab."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLITE = (signal.SIGTERM, signal.SIGHUP)
"""A CI system that gives up, a terminal that is closed."""


@contextmanager
def ending_interrupts() -> Iterator[None]:
    """Whoever ends us politely means the labs, too: as if it were Ctrl-C."""
    with _handled(dict.fromkeys(POLITE, signal.default_int_handler)):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C once more must not leave a lab behind that is being taken down."""
    with _handled(dict.fromkeys((signal.SIGINT, *POLITE), signal.SIG_IGN)):
        yield


@contextmanager
def _handled(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    """Only the main thread may say how signals are handled; another one leaves them alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {each: signal.signal(each, handler) for each, handler in handlers.items()}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
