"""Every exception raised on purpose, and the exit code it ends in.

    LabError
    |-- InputError          the user's files or arguments are wrong      (exit 2)
    |-- BackendError        this host cannot do it, or said no           (exit 3)
    `-- ExpectationError    the lab ran, and the claim was false         (exit 1)

A message says what, where and what to do; ``hint`` is printed on a line of its own.
"""

from __future__ import annotations


class LabError(Exception):
    """Base of everything a user can cause or can be told about."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(LabError):
    """The topology, the scenario or an argument is wrong."""

    exit_code = 2


class BackendError(LabError):
    """The kernel, a package, a daemon or the file system said no."""

    exit_code = 3


class ExpectationError(LabError):
    """The lab ran and a claim about it was false."""

    exit_code = 1
