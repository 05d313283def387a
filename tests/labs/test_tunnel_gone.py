"""A tunnel's interface that vanishes under traffic: what its router does with the one that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from lab_client import Lab, eventually
from test_flows import Flows, settled
from tunnel_labs import SECURE_VM, needs_data_plane

from lab.plan.types import Plan
from lab.probe.stream import Passage
from lab.scenario.bounds import Cause, Span, at_least, at_most
from lab.timing import PATIENCE

NOTICED_S = 1.0 * PATIENCE
"""A speaker wakes up by the kernel's notice and writes its routes again, on a busy host too."""
CARRIER_S = 1.0
"""A kernel may follow a lost carrier so much later (net/core/link_watch.c)."""
FLOWING_S = 2.0

PREFIX = "10.2.0.0/24"


@pytest.mark.everywhere
@needs_data_plane
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_flows_move_to_the_tunnel_that_is_left(secured: Lab, how: str) -> None:
    """To Azure at once, by the device's own doing. From there as soon as the gateway instance knows: a charon
    that is asked to stop tells its peer; of one that is killed nobody tells, and BGP's hold time is
    over before dead peer detection is."""
    with closing(Flows(secured)) as flows, _mended(secured):
        back = _bounds_back(flows.plan)[how]
        flows.start("through", SECURE_VM, ports=16)
        flows.after("through", FLOWING_S)
        flows.mark()
        fault = ("daemon_stop", "node=vpn1", "tunnel=conn-secure-0", f"how={how}")
        assert secured.run("fault", "apply", *fault).returncode == 0
        seen = settled(flows, "through").recent
        assert _longest(seen["forward"]) < NOTICED_S
        assert back.least <= _longest(seen["return"]) <= back.most, back.name
        assert _next_hops(secured, "vpn1", PREFIX) == ["10.2.0.229"]
        assert _next_hops(secured, "vnet-secure", "10.0.0.0/24") == ["10.2.0.229"]
    both = ["10.2.0.228", "10.2.0.229"]
    eventually("both tunnels are used again", lambda: _next_hops(secured, "vpn1", PREFIX) == both, 60)


def _bounds_back(plan: Plan) -> dict[str, Span]:
    """How long answers may find no way, by how the device's charon ended."""
    hold = (Cause.HOLD,)
    return {
        "stop": Span("two speakers, one after the other", 0, CARRIER_S + 2 * NOTICED_S),
        "kill": Span("hold time", at_least(plan, hold).seconds, at_most(plan, hold).seconds * PATIENCE),
    }


@contextmanager
def _mended(lab: Lab) -> Iterator[None]:
    """In the end, however it goes."""
    try:
        yield
    finally:
        lab.run("fault", "clear", "--all")


def _longest(passage: Passage) -> float:
    return passage.tally.longest.seconds if passage.tally.longest is not None else 0.0


def _next_hops(lab: Lab, node: str, prefix: str) -> list[str]:
    """Of the first, which is in use; none without a route."""
    routes = [one for one in lab.json("show", "fib", node) if one["prefix"] == prefix]
    return sorted(hop["gateway"] for one in routes[:1] for hop in one["next_hops"])
