"""Breaking something in a running lab, and mending it."""

from __future__ import annotations

from typing import ClassVar

from lab.fault.catalogue import FaultName, FaultSpec
from lab.scenario.kinds.base import Action
from lab.scenario.running import RunningLab


class ApplyFault(FaultSpec, Action):
    """Break something. It stays broken until it is cleared or the lab ends."""

    settles: ClassVar[bool] = False

    def do(self, lab: RunningLab) -> str:
        fault = self.fault(lab.plan)
        name = lab.apply_fault(fault)
        return fault.sentence if name in (None, self.kind) else f"{fault.sentence} (fault {name})"


class ClearFault(Action):
    """Mend what a fault broke."""

    settles: ClassVar[bool] = False

    fault: FaultName
    """Its name, or its kind when it was given none."""

    def do(self, lab: RunningLab) -> str:
        lab.clear_fault(self.fault)
        return f"fault {self.fault} is cleared"
