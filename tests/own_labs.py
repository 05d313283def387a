"""The labs of one run of these tests, whichever of its processes started them.

A test takes its own labs down. Where pytest runs tests in several processes, Ctrl-C gives these too
little time for that; so the first of them looks for what is left.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from lab.errors import LabError
from lab.runtime.claims import running_labs
from lab.runtime.control import Control
from lab.runtime.lifecycle import take_down
from lab.runtime.rundir import RunFolder

RUN = "TEST_RUN_OF_MSEELAB"
"""In the environment of all processes of a run, and so of its labs."""


def begin() -> None:
    os.environ[RUN] = uuid.uuid4().hex


def end_all() -> list[str]:
    """The names of labs of this run that somebody had left, and that are ended now."""
    left = [folder for folder in running_labs() if _is_ours(folder)]
    for folder in left:
        take_down(folder)
    return [folder.name for folder in left]


def _is_ours(folder: RunFolder) -> bool:
    try:
        control = Control(folder)
        try:
            variables = Path(f"/proc/{control.supervisor_pid()}/environ").read_bytes()
        finally:
            control.close()
    except (LabError, OSError):  # it ended meanwhile, or is another user's
        return False
    return f"{RUN}={os.environ[RUN]}".encode() in variables.split(b"\0")
