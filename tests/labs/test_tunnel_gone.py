"""A tunnel's interface that vanishes under traffic: what its router does with the one that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from lab_client import Lab, eventually
from test_flows import Flows, settled
from tunnel_labs import SECURE_VM, needs_data_plane

from lab.probe.stream import Passage
from lab.scenario.bounds import Cause, at_least, at_most
from lab.timing import PATIENCE

FLOWING_S = 2.0

PREFIX = "10.2.0.0/24"


@pytest.mark.everywhere
@needs_data_plane
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_flows_move_to_the_tunnel_that_is_left(secured: Lab, how: str) -> None:
    """To Azure by the device's own doing, and from there as soon as the gateway instance knows: a charon that
    is asked to stop tells its peer. Of one that is killed nobody tells, and BGP's hold time, which is over
    before dead peer detection is, has to pass."""
    with closing(Flows(secured)) as flows, _mended(secured):
        silent_for = at_least(flows.plan, [Cause.HOLD]).seconds
        at_last = at_most(flows.plan, [Cause.HOLD]).seconds * PATIENCE
        back_from, back_to = (0.0, silent_for) if how == "stop" else (silent_for, at_last)
        flows.start("through", SECURE_VM, ports=16)
        flows.after("through", FLOWING_S)
        flows.mark()
        fault = ("daemon_stop", "node=vpn1", "tunnel=conn-secure-0", f"how={how}")
        assert secured.run("fault", "apply", *fault).returncode == 0
        seen = settled(flows, "through").recent
        assert _longest(seen["forward"]) < silent_for
        assert back_from <= _longest(seen["return"]) <= back_to
        assert _next_hops(secured, "vpn1", PREFIX) == ["10.2.0.229"]
        assert _next_hops(secured, "vnet-secure", "10.0.0.0/24") == ["10.2.0.229"]
    both = ["10.2.0.228", "10.2.0.229"]
    eventually("both tunnels are used again", lambda: _next_hops(secured, "vpn1", PREFIX) == both, 60)


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
