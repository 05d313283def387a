"""Running a command inside a namespace and waiting for it; for short commands only."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from lab.errors import BackendError
from lab.runtime.netns import NetworkNamespace


@dataclass(frozen=True)
class Result:
    returncode: int
    output: str


def run_in(
    namespace: NetworkNamespace, command: list[str], *, stdin: str = "", timeout_s: float = 20
) -> Result:
    """Standard output and error together. Raises BackendError when it cannot be started."""
    with namespace.entered():
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError:
            raise BackendError(
                f"{command[0]} is not installed", hint="`make setup` installs what the lab needs"
            ) from None
        except subprocess.TimeoutExpired:
            raise BackendError(
                f"{namespace.name}: {' '.join(command)}: no answer in {timeout_s:g} s"
            ) from None
    return Result(done.returncode, done.stdout)
