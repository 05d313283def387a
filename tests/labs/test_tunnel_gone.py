"""A tunnel's interface that vanishes under traffic: what its router does with the one that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from lab_client import Lab, eventually
from test_flows import Flows
from tunnel_labs import SECURE_VM, needs_data_plane

from lab.probe.stream import Passage
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
    """To Azure at once, by the device's own doing. From there as soon as the gateway instance has lost its
    end, of which a charon tells that is asked to stop, and nobody when it is killed."""
    with closing(Flows(secured)) as flows, _mended(secured):
        flows.start("through", SECURE_VM, ports=16)
        flows.after("through", FLOWING_S)
        flows.mark()
        fault = ("daemon_stop", "node=vpn1", "tunnel=conn-secure-0", f"how={how}")
        assert secured.run("fault", "apply", *fault).returncode == 0
        seen = flows.after("through", 2 * NOTICED_S + CARRIER_S + FLOWING_S).recent
        assert seen["forward"].silent_since is None
        assert _longest(seen["forward"]) < NOTICED_S
        assert _next_hops(secured, "vpn1", PREFIX) == ["10.2.0.229"]
        if how == "stop":
            assert seen["return"].silent_since is None
            assert _longest(seen["return"]) < CARRIER_S + 2 * NOTICED_S, "two speakers, one after the other"
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
