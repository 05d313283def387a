"""An init inherits orphans, and takes their exit statuses so that none stays a zombie."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator


class Reaper:
    """Takes the status of every child that ends, but for whoever waits for one of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = 0
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    @contextlib.contextmanager
    def leaving_children(self) -> Iterator[None]:
        """Within the block the status of a child is there for the one who started it."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self._reap()

    def _reap(self) -> None:
        if self._waiting:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
