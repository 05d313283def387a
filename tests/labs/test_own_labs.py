"""What a run of these tests leaves behind it is taken away by that run, and nobody else's is."""

from __future__ import annotations

from collections.abc import Callable

import own_labs
import pytest
from lab_client import Lab, eventually, marked_processes, mseelab

Start = Callable[..., Lab]


def test_labs_that_a_run_leaves_are_ended_and_no_others(
    start_lab: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = start_lab("expressroute-basic", "others")
    monkeypatch.setenv(own_labs.RUN, "another")
    ours = start_lab("expressroute-basic", "ours")
    assert own_labs.end_all() == [ours.name]
    eventually("nothing is left of it", lambda: not marked_processes(ours.mark))
    assert mseelab("inspect", "--name", others.name).returncode == 0
