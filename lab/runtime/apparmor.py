"""charon out of the reach of AppArmor's profile for the host's own.

A profile attaches to a program by its path (apparmor.d(5)). Those that Debian and Ubuntu have for charon
know the files of the host's IPsec service, and none of a lab: where they are enforced, it cannot even read
its settings. The same program in memory has no path, and so no profile.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.runtime.process import node_environment

ENABLED = Path("/sys/module/apparmor/parameters/enabled")


@dataclass(frozen=True)
class Program:
    """What to execute, and what has to be open for that in the process that does."""

    path: str
    descriptors: tuple[int, ...] = ()


def without_its_profile(name: str, folder: Path) -> Program:
    """A program of the path; where there is AppArmor, a copy of it in the memory of this process. It is
    called by its name from ``folder``, because processes are shown by that."""
    place = shutil.which(name, path=node_environment()["PATH"])
    if place is None or not _is_enabled():
        return Program(name)
    memory = os.memfd_create(name)
    with open(memory, "wb", closefd=False) as copy:
        copy.write(Path(place).read_bytes())
    link = folder / name
    link.symlink_to(f"/proc/self/fd/{memory}")
    return Program(str(link), (memory,))


def _is_enabled() -> bool:
    return ENABLED.exists() and ENABLED.read_text().strip() == "Y"
