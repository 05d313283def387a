"""Running a command inside a namespace and waiting for it; for short commands only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import BackendError
from lab.runtime.netns import NetworkNamespace


def node_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a command in a node: root there, so the tools of an administrator
    are on its path, wherever the user's own path leads."""
    path = environment.get("PATH", os.defpath)
    return dict(environment) | {"PATH": f"{path}:/usr/local/sbin:/usr/sbin:/sbin"}


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
                env=node_environment(),
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
