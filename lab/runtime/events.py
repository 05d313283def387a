"""The event log: what happened in a lab, one JSON object a line, on one monotonic clock.

``time`` is seconds on CLOCK_MONOTONIC, comparable between all processes of the host;
``at`` is seconds since the lab was asked for.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class EventLog:
    """Appends to the file at once, so that `mseelab events --follow` sees it."""

    def __init__(self, path: Path, started_at: float) -> None:
        self.problem: OSError | None = None
        """Why an event, the first of them, could not be written, such as a full disk; the lab goes on."""
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", buffering=1)
        self._started_at = started_at

    @classmethod
    def of_running_lab(cls, path: Path) -> EventLog:
        """For one more process to append to: each line is one write, so lines never mix. Raises
        OSError when the lab is gone."""
        with path.open(encoding="utf-8") as log:
            first = json.loads(log.readline())
        return cls(path, first["time"] - first["at"])

    def write(self, kind: str, node: str | None = None, *, at: float | None = None, **facts: Any) -> None:
        """``at``: when it happened, if that was not now (seconds, monotonic)."""
        moment = time.monotonic() if at is None else at
        event = {"time": round(moment, 6), "at": round(moment - self._started_at, 6), "kind": kind}
        if node is not None:
            event["node"] = node
        try:
            self._file.write(json.dumps(event | facts) + "\n")
        except OSError as error:
            self.problem = self.problem or error
