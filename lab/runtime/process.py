"""Running a command inside a namespace and waiting for it; for short commands only."""

from __future__ import annotations

import contextlib
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


class Running:
    """A command that was started in a namespace, fed and not yet waited for."""

    def __init__(self, namespace: NetworkNamespace, command: list[str], stdin: str) -> None:
        self._namespace = namespace
        self._command = command
        with namespace.entered():
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=node_environment(),
                )
            except FileNotFoundError:
                raise BackendError(
                    f"{command[0]} is not installed", hint="`make setup` installs what the lab needs"
                ) from None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(stdin)
            self._process.stdin.close()

    def result(self, timeout_s: float = 20) -> Result:
        """Standard output and error together. Raises BackendError when it does not end."""
        assert self._process.stdout is not None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            command = " ".join(self._command)
            raise BackendError(f"{self._namespace.name}: {command}: no answer in {timeout_s:g} s") from None
        with self._process.stdout as stream:
            return Result(self._process.returncode, stream.read())


def run_in(namespace: NetworkNamespace, command: list[str], *, stdin: str = "") -> Result:
    """Run a command to its end. Raises BackendError when it cannot be started or hangs.

    For commands with little to say: their output has to fit into a pipe.
    """
    return Running(namespace, command, stdin).result()
