"""What several faults of one daemon come to."""

from __future__ import annotations

import pytest

from lab.fault.effects import Halt
from lab.runtime.halting import strongest

STOP, KILL, FREEZE = Halt.STOP, Halt.KILL, Halt.FREEZE


@pytest.mark.parametrize(
    ("before", "halts", "after"),
    [
        (None, [FREEZE], FREEZE),
        (FREEZE, [FREEZE, STOP], STOP),
        (STOP, [STOP, KILL], KILL),
        (KILL, [FREEZE], KILL),
        (STOP, [FREEZE], STOP),
        (KILL, [], None),
        (FREEZE, [], None),
    ],
)
def test_what_has_ended_stays_so_until_nothing_holds_it(
    before: Halt | None, halts: list[Halt], after: Halt | None
) -> None:
    assert strongest(halts, before) is after
