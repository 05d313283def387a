"""The actions of one ``Engine.handle``, collected and grouped.

In the order a router would: routes are in the FIB before anyone is told of them, and
leave it only after everyone was told (so nobody is invited into a black hole); to one
peer withdrawals come first, so that it never holds more than it should.
"""

from __future__ import annotations

from lab.bgp.events import (
    Action,
    Advertise,
    CloseSession,
    HoldSession,
    Install,
    Nlri,
    ReleaseSession,
    Uninstall,
    Withdraw,
)
from lab.bgp.exporting import Offers
from lab.bgp.rib import Destination, Peer
from lab.bgp.route import Address, PathAttributes, Prefix


class Changes:
    """Grows while destinations are worked through; ``actions`` is the result."""

    def __init__(self) -> None:
        self._installs: list[Action] = []
        self._uninstalls: list[Action] = []
        self._sessions: list[Action] = []
        self._withdrawals: dict[str, list[Nlri]] = {}
        # by identity first: hashing attributes costs as much as everything else here
        self._advertisements: dict[tuple[str, int], tuple[PathAttributes, list[Nlri]]] = {}

    def fib(self, prefix: Prefix, next_hops: tuple[Address, ...]) -> None:
        if next_hops:
            self._installs.append(Install(prefix, next_hops))
        else:
            self._uninstalls.append(Uninstall(prefix))

    def session(self, action: CloseSession | HoldSession | ReleaseSession) -> None:
        self._sessions.append(action)

    def export(self, peer: Peer, destination: Destination, wanted: Offers) -> None:
        """``peer`` shall know ``wanted`` of the destination, and nothing else."""
        told = peer.adj_rib_out.get(destination, ())
        if told == wanted:
            return
        if wanted:
            peer.adj_rib_out[destination] = wanted
        else:
            del peer.adj_rib_out[destination]
        name, prefix = peer.neighbor.name, destination.prefix
        for offer in wanted:
            if offer not in told:
                self._advertise(name, offer[1], (prefix, offer[0]))
        kept = [path_id for path_id, _ in wanted]
        for path_id, _ in told:
            if path_id not in kept:
                self._withdrawals.setdefault(name, []).append((prefix, path_id))

    def _advertise(self, peer: str, attributes: PathAttributes, nlri: Nlri) -> None:
        key = (peer, id(attributes))
        if key not in self._advertisements:
            self._advertisements[key] = (attributes, [])
        self._advertisements[key][1].append(nlri)

    def actions(self) -> list[Action]:
        together: dict[tuple[str, PathAttributes], list[Nlri]] = {}
        for (peer, _), (attributes, nlri) in self._advertisements.items():
            together.setdefault((peer, attributes), []).extend(nlri)
        return [
            *self._installs,
            *(Withdraw(peer, tuple(nlri)) for peer, nlri in self._withdrawals.items()),
            *(Advertise(peer, attributes, tuple(nlri)) for (peer, attributes), nlri in together.items()),
            *self._uninstalls,
            *self._sessions,
        ]
