"""What faults do to links, and its undoing: ports, carriers and lost packets (linux/if_link.h).

Interfaces are told by messages of our own, which takes no time, so that all that hangs on a link sees
it go in the same moment.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection

from lab.errors import BackendError
from lab.fault.effects import CarrierLost, DaemonHalted, Lasting, Lost, PortDown, Segmented
from lab.fault.nft import render_losses
from lab.netlink import attribute
from lab.plan.types import Endpoint, Plan
from lab.runtime import nft, wiring
from lab.runtime.netlink import Router
from lab.runtime.netlink_socket import link_change, send
from lab.runtime.netns import NetworkNamespace
from lab.runtime.tags import Tagging

IFLA_PROTO_DOWN, IFLA_GSO_MAX_SEGS = 39, 40

ONE_BY_ONE = 1
"""Segments a packet may hold that leaves as a wire would carry it."""


class Broken:
    """Blocks; both take the effects that are in force once it is done. Raises BackendError."""

    def __init__(self, namespaces: dict[str, NetworkNamespace], tagging: Tagging) -> None:
        self._namespaces = namespaces
        self._tagging = tagging
        self._segments: dict[Endpoint, int] = {}

    def begin(self, effect: Lasting, in_force: Collection[Lasting], _plan: Plan) -> None:
        match effect:
            case PortDown(port):
                self._set(port, up=False)
            case CarrierLost(interface):
                self._lose_carrier(interface, lost=True)
            case Lost(interface):
                self._load(interface.namespace, in_force)
            case Segmented(interface):
                with self._router(interface) as router:
                    self._segments.setdefault(interface, router.segments(interface.ifname))
                self._set(interface, _segments(ONE_BY_ONE))
            case DaemonHalted():
                raise AssertionError("a daemon is no link")

    def end(self, effect: Lasting, in_force: Collection[Lasting], plan: Plan) -> None:
        match effect:
            case PortDown(port):
                self._set(port, up=True)
                self._restore_routes(port.namespace, in_force, plan)
            case CarrierLost(interface):
                self._lose_carrier(interface, lost=False)
            case Lost(interface):
                self._load(interface.namespace, in_force)
            case Segmented(interface):
                if interface in self._segments:
                    self._set(interface, _segments(self._segments.pop(interface)))
            case DaemonHalted():
                raise AssertionError("a daemon is no link")

    def namespaces_cut(self, in_force: Collection[Lasting]) -> set[str]:
        return {effect.port.namespace for effect in in_force if isinstance(effect, PortDown)}

    def _lose_carrier(self, interface: Endpoint, *, lost: bool) -> None:
        if not self._tagging.follows_port:
            self._set(interface, attribute(IFLA_PROTO_DOWN, bytes([lost])))

    def _load(self, namespace: str, in_force: Collection[Lasting]) -> None:
        losses = [each for each in in_force if isinstance(each, Lost)]
        rules = render_losses(each for each in losses if each.interface.namespace == namespace)
        nft.load(self._namespaces[namespace], rules, "rules of a fault")

    def _restore_routes(self, namespace: str, in_force: Collection[Lasting], plan: Plan) -> None:
        """The kernel drops the routes over a port that is set down. Those over another port that is
        still down have to wait for that one."""
        cut = self.namespaces_cut(in_force)
        with Router(self._namespaces[namespace]) as router:
            for route in plan.static_routes:
                if route.namespace == namespace:
                    try:
                        wiring.set_route(router, route)
                    except BackendError:
                        if namespace not in cut:
                            raise

    def _set(self, interface: Endpoint, details: bytes = b"", *, up: bool | None = None) -> None:
        change = link_change(interface.ifname, details, up=up)
        try:
            send(self._namespaces[interface.namespace], socket.NETLINK_ROUTE, change)
        except OSError as error:
            raise BackendError(f"{interface}: {os.strerror(error.errno or 0)}") from None

    def _router(self, interface: Endpoint) -> Router:
        return Router(self._namespaces[interface.namespace])


def interface_of(effect: Lasting) -> Endpoint | None:
    """The one that is broken; None where it is a daemon."""
    match effect:
        case PortDown(interface) | CarrierLost(interface) | Lost(interface) | Segmented(interface):
            return interface
        case DaemonHalted():
            return None


def _segments(most: int) -> bytes:
    return attribute(IFLA_GSO_MAX_SEGS, struct.pack("=I", most))
