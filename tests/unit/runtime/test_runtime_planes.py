"""Which data plane is chosen, why, and what becomes of proposals a kernel lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tunnel_ends import END as END_OF_A_TUNNEL

from lab.errors import BackendError
from lab.plan.tunnels import Proposals
from lab.runtime.names import AUTO
from lab.runtime.planes import Refusal, choose

END = replace(
    END_OF_A_TUNNEL,
    offered=Proposals(("aes256-sha1-modp1024",), ("aes256gcm16", "3des-sha1")),
    accepted=Proposals(("aes256-sha1-modp1024",), ("aes256gcm16", "3des-sha1", "des-sha1-modp1024")),
)
BOTH: dict[str, str | None] = {"kernel": None, "userspace": None}


def takes_all(_proposal: str) -> str | None:
    return None


def takes_no(*ciphers: str) -> Refusal:
    return lambda proposal: "Function not implemented" if proposal.split("-")[0] in ciphers else None


def test_the_kernel_comes_first() -> None:
    choice = choose(AUTO, BOTH, (END,), takes_all)
    assert choice.plane is not None
    assert (choice.plane.name, choice.ends, choice.left_out) == ("kernel", (END,), ())


def test_where_it_cannot_userspace_does_and_its_obstacle_is_the_reason() -> None:
    choice = choose(AUTO, BOTH | {"kernel": "no xfrm interfaces"}, (END,))
    assert choice.plane is not None
    assert (choice.plane.name, choice.why, choice.ends) == ("userspace", "no xfrm interfaces", (END,))


@pytest.mark.parametrize("asked", ["kernel", "userspace"])
def test_the_one_that_is_asked_for_is_taken(asked: str) -> None:
    choice = choose(asked, BOTH, (END,), takes_all)
    assert choice.plane is not None
    assert choice.plane.name == asked


@pytest.mark.parametrize("asked", ["kernel", "userspace"])
def test_the_one_that_is_asked_for_or_none(asked: str) -> None:
    with pytest.raises(BackendError, match=f"no data plane '{asked}' here: it is broken"):
        choose(asked, BOTH | {asked: "it is broken"}, (END,), takes_all)


def test_without_any_each_obstacle_is_told() -> None:
    choice = choose(AUTO, {"kernel": "no xfrm", "userspace": "no TUN"}, (END,))
    assert (choice.plane, choice.why) == (None, "kernel: no xfrm; userspace: no TUN")


def test_what_both_lack_is_told_once() -> None:
    assert choose(AUTO, {"kernel": "no charon", "userspace": "no charon"}, (END,)).why == "no charon"


def test_proposals_the_kernel_refuses_are_left_out_and_told() -> None:
    choice = choose(AUTO, BOTH, (END,), takes_no("des", "3des"))
    (end,) = choice.ends
    assert (end.offered.esp, end.accepted.esp) == (("aes256gcm16",), ("aes256gcm16",))
    assert end.offered.ike == END.offered.ike
    assert choice.left_out == (
        "3des-sha1 (Function not implemented)",
        "des-sha1-modp1024 (Function not implemented)",
    )


@pytest.mark.parametrize("which", ["offered", "accepted"])
def test_an_end_with_nothing_left_is_not_for_the_kernel(which: str) -> None:
    only: dict[str, Any] = {which: Proposals((), ("des-sha1",))}
    old = replace(END, **only)
    choice = choose(AUTO, BOTH, (END, old), takes_no("des"))
    assert choice.plane is not None
    assert (choice.plane.name, choice.ends) == ("userspace", (END, old))
    assert f"none of the ESP proposals of {END.namespace}" in choice.why
    with pytest.raises(BackendError, match=f"none of the ESP proposals of {END.namespace} for tunnel t"):
        choose("kernel", BOTH, (old,), takes_no("des"))
