"""What carries ESP between a tunnel's interface in its router and the wire: the seam between the two ways.

Every tunnel end has a charon of its own, in a small namespace of its own that holds the outer address:
two tunnels with any to any selectors would collide in one. Both ways make the tunnel's interface in
there and move it to the router, and there it still belongs to where it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Protocol

from lab.plan.tunnels import TunnelEnd
from lab.runtime.netns import NetworkNamespace

DEVICE = "ipsec0"
"""What the interface is called before it is the router's; kernel-libipsec has no other name for it."""

WHERE = {"kernel": "the kernel", "userspace": "userspace"}
"""By the data plane's name, where IPsec is."""


@dataclass(frozen=True)
class Place:
    """Where a tunnel end's charon runs, and the router its interface goes to.

    ``number``: which of that router's ends it is. ``selected``: networks of its own side in each of which
    its namespace has an address; kernel-libipsec refuses an association of a network in which it has none.
    """

    end: TunnelEnd
    namespace: NetworkNamespace
    router: NetworkNamespace
    number: int
    selected: tuple[IPv4Network, ...] = ()


class DataPlane(Protocol):
    """For each end: ``adopt``, then ``carry`` as often as its associations come and go, then ``release``;
    and so on with its next charon. All raise BackendError."""

    name: str
    plugins: tuple[str, ...]
    """charon's plugins for the kernel, the one for ESP first."""

    def adopt(self, place: Place, pid: int) -> None:
        """charon, which is this process, listens: the interface stands in the router under the tunnel's
        name, out of use."""

    def carry(self, place: Place, *, up: bool) -> None:
        """Whether the interface is in use: then all routes into it count, and else none does. What the
        agent installed is there again with it. Fit for the event loop."""

    def release(self, place: Place) -> None:
        """charon has ended, whether or not it had been adopted: interface and associations are gone."""

    def errors(self, place: Place) -> dict[str, int]:
        """Packets dropped for IPsec's sake, by the reason's name; only reasons that occurred."""


def routes_into(end: TunnelEnd) -> tuple[tuple[IPv4Network, int], ...]:
    """The way to the BGP peer, and what else leads into the tunnel, with their metrics."""
    peer = () if end.inner_peer_address is None else ((IPv4Network(end.inner_peer_address), 0),)
    return (*peer, *((prefix, end.metric) for prefix in end.routes))
