"""Steps from Python: what a test is told when one cannot be done."""

from __future__ import annotations

import traceback

import pytest
from running_builders import memory_lab

from lab.errors import BackendError, InputError, LabError
from lab.scenario.in_hand import LabInHand
from lab.scenario.kinds.session import SessionUp
from lab.scenario.memory import MemoryLab


class Refusing(MemoryLab):
    """Says no to every change."""

    error: LabError

    def change(self, patch: object) -> list[str]:
        raise self.error


@pytest.mark.parametrize("error", [InputError("no", hint="why not"), BackendError("no", hint="why not")])
def test_a_change_that_is_refused_shows_no_frame_that_holds_the_patch(error: LabError) -> None:
    refusing = Refusing(memory_lab().plan)
    refusing.error = error
    with pytest.raises(LabError) as refused:
        LabInHand("mine", refusing).change({"shared_key": "secret"})
    assert (str(refused.value), type(refused.value)) == ("no\n  hint: why not", type(error))
    assert refused.value.__suppress_context__
    shown = [
        frame for frame, _ in traceback.walk_tb(refused.value.__traceback__) if "patch" in frame.f_locals
    ]
    assert all("__tracebackhide__" in frame.f_locals for frame in shown)


def test_a_claim_about_what_is_not_there_is_the_users_error() -> None:
    in_hand = LabInHand("mine", memory_lab(), patience=0.001)
    with pytest.raises(InputError, match="r0 has no neighbor r9"):
        in_hand.expect(SessionUp(node="r0", neighbor="r9"))
