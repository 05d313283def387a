"""What every kind of step is: an expectation that is looked at, or an action that is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from pydantic import Field

from lab.model.fields import Described
from lab.scenario.running import RunningLab

NAMESPACE_PATTERN = r"^[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)?$"
INTERFACE_PATTERN = r"^[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)?:[A-Za-z0-9._-]{1,15}$"

NamespaceName = Annotated[
    str, Field(pattern=NAMESPACE_PATTERN, description="NODE or NODE/VRF, such as ce1/core.")
]
InterfaceName = Annotated[
    str, Field(pattern=INTERFACE_PATTERN, description="NODE[/VRF]:INTERFACE, such as pe1:to-msee1.")
]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at the lab showed: whether the claim holds, and in words what was seen.

    ``final``: it does not hold, and no later look can show anything else.
    """

    holds: bool
    seen: str
    final: bool = False


class LabTimer(Enum):
    """A duration of the lab's own, so that a file has no seconds in it."""

    KEEPALIVE = "keepalive"
    """One keepalive interval of the lab's timers profile (3 s in ``lab``, 60 s in ``azure``)."""
    HOLD = "hold"
    """One hold time of the profile (10 s, 180 s)."""
    RESTART = "restart"
    """How long a session rests after it was dropped for too many prefixes (5 s, 60 s)."""
    RETRY = "retry"
    """The pause after which a tunnel that did not come up is tried again (4 s in any profile)."""


class Expectation(Described):
    """A claim about the running lab. It is looked at until it holds or the wait is over."""

    absence: ClassVar[bool] = False
    """True for a claim that something is *not* there; such a one must go on holding."""
    of_tunnels: ClassVar[bool] = False
    """True for a claim that waits for the timers of tunnels, not only for those of sessions."""

    def claim(self) -> str:
        """The claim in words, as a failure prints it."""
        raise NotImplementedError

    def look(self, lab: RunningLab) -> Sight:
        """One look; the runner repeats it. Raises LabError for what the lab does not know."""
        raise NotImplementedError

    def broken_link(self, lab: RunningLab) -> str | None:
        """After a failure: the first broken link of the chain the claim depends on, or what made
        the lab other than claimed; None when there is nothing to name."""
        raise NotImplementedError


class Absence(Expectation):
    """A claim that something is not there, and stays away for a while."""

    absence: ClassVar[bool] = True

    holds_for: LabTimer
    """How long it must go on holding: `keepalive`, `hold`, `restart` or `retry`."""


class Action(Described):
    """Something done to the running lab."""

    settles: ClassVar[bool] = True
    """Whether the lab is looked at only when it has taken it in; what breaks it is seen at once."""

    def do(self, lab: RunningLab) -> str:
        """Do it; returns what was done, in words. Raises LabError."""
        raise NotImplementedError
