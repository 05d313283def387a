"""Every exception raised on purpose, and the exit code it ends in.

    LabError
    |-- InputError          the user's files or arguments are wrong      (exit 2)
    |-- BackendError        this host cannot do it, or said no           (exit 3)
    `-- ExpectationError    the lab ran, and the claim was false         (exit 1)

A message says what, where and what to do; ``hint`` is printed on a line of its own.
"""

from __future__ import annotations

from typing import Any


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


def to_json(error: LabError) -> dict[str, Any]:
    """The error as a message to another process, which makes it one again by ``from_json``."""
    return {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}


def from_json(message: dict[str, Any]) -> LabError:
    """An error with the message's text, hint and exit code; of finer classes nothing is left."""
    kind = InputError if message["exit_code"] == InputError.exit_code else BackendError
    return kind(message["error"], hint=message["hint"])
