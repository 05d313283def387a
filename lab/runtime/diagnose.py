"""Why is a session not up? The first broken link of its chain.

link -> address -> ARP -> TCP 179 -> OPEN -> policy. Each finding is one sentence that names
the place, so that a failed ``up`` says more than "timeout".
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lab.bgp.speaker import Neighbor
from lab.plan.types import Speaker
from lab.runtime.netlink import InterfaceState, Router
from lab.runtime.netns import NetworkNamespace

BGP_PORT = 179
CONNECT_TIMEOUT_S = 1.0
MAX_PREFIX_CEASE = "(6,1)"
SINGLE_HOP = 1
"""The TTL of a session whose ends share a subnet."""


def explain(
    speaker: Speaker,
    status: Mapping[str, Any] | None,
    namespace: NetworkNamespace,
    neighbors: Collection[str],
) -> list[str]:
    """A sentence for each session with one of ``neighbors`` that is not up. Blocks.

    ``status`` is what the speaker says of itself, None when it says nothing.
    """
    if status is None:
        return [f"{speaker.namespace}: daemon: its BGP daemon does not run"]
    return [
        f"{speaker.namespace} - {session['neighbor']}: "
        + _first_broken(session, speaker.config.neighbor(session["neighbor"]), namespace)
        for session in status["sessions"]
        if session["neighbor"] in neighbors and not session["end_of_rib"]
    ]


def refused_routes(speaker: Speaker, status: Mapping[str, Any] | None) -> list[str]:
    """A sentence for each route that the kernel did not take."""
    refused = status["fib_refused"] if status else {}
    return [
        f"{speaker.namespace}: FIB: the kernel refused {prefix}: {text}" for prefix, text in refused.items()
    ]


def _first_broken(session: dict[str, Any], neighbor: Neighbor, namespace: NetworkNamespace) -> str:
    if session["state"] == "established":
        return "OPEN: the session is up but the end-of-RIB marker has not come"
    last_error = session["last_error"] or ""
    if MAX_PREFIX_CEASE in last_error:
        return f"policy: dropped for too many prefixes ({last_error})"
    if session["held_down"]:
        return f"policy: held down ({last_error or 'a moment ago'})"
    with Router(namespace) as router, namespace.entered():
        interfaces = list(router.interfaces())
        facing = _facing(interfaces, neighbor)
        cause = _address(interfaces, neighbor) or (_way(neighbor) if facing is None else _down(facing))
        if cause is not None:
            return cause
        code = _connect(neighbor)
        if facing is not None and not router.has_neighbor(neighbor.peer_address):
            return f"ARP: {neighbor.peer_address} does not answer"
    if "notification" in last_error:
        return f"OPEN: {last_error} (local AS {session['local_asn']}, peer AS {neighbor.peer_asn})"
    return _tcp(neighbor, code) or "OPEN: no OPEN message has come"


def _facing(interfaces: Iterable[InterfaceState], neighbor: Neighbor) -> InterfaceState | None:
    """The one in a subnet with the peer."""
    facing = (i for i in interfaces if any(neighbor.peer_address in a.network for a in i.addresses))
    return next(facing, None)


def _address(interfaces: Iterable[InterfaceState], neighbor: Neighbor) -> str | None:
    if any(neighbor.local_address in (a.ip for a in i.addresses) for i in interfaces):
        return None
    return f"address: {neighbor.local_address} is on no interface"


def _way(neighbor: Neighbor) -> str | None:
    """To a peer in no subnet of ours, as at the far end of a tunnel: a route will do, but not on a session
    of one hop."""
    if neighbor.ttl != SINGLE_HOP and _has_route(neighbor):
        return None
    return f"address: no interface is in a subnet with {neighbor.peer_address}"


def _has_route(neighbor: Neighbor) -> bool:
    with socket.socket(_family(neighbor), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(neighbor.peer_address), BGP_PORT))
        except OSError:
            return False
    return True


def _down(interface: InterfaceState) -> str | None:
    if not interface.up:
        return f"link: {interface.ifname} is set down"
    if not interface.carrier:
        return f"link: {interface.ifname} has no carrier"
    return None


def _tcp(neighbor: Neighbor, code: int) -> str | None:
    """``code`` is how a connection without a key ended; our daemon may use one."""
    if neighbor.passive:
        return f"TCP 179: no connection has come from {neighbor.peer_address}{_about_keys(neighbor)}"
    if code == 0:
        # The peer talks to strangers: with a key of our own, that is the fault.
        return f"TCP 179: an MD5 key at this end only{_about_keys(neighbor)}" if neighbor.password else None
    return f"TCP 179: {neighbor.peer_address}: {os.strerror(code)}{_about_keys(neighbor)}"


def _about_keys(neighbor: Neighbor) -> str:
    which = "the key" if neighbor.password else "a key at the other end only"
    return f" (MD5: {which} may differ; TCP answers that with silence)"


def _connect(neighbor: Neighbor) -> int:
    with socket.socket(_family(neighbor), socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        try:
            probe.bind((str(neighbor.local_address), 0))
            probe.connect((str(neighbor.peer_address), BGP_PORT))
        except TimeoutError:
            return errno.ETIMEDOUT
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _family(neighbor: Neighbor) -> socket.AddressFamily:
    return socket.AF_INET if neighbor.peer_address.version == 4 else socket.AF_INET6
