"""The userspace data plane: ESP in charon, around a TUN device that stands in the router.

For kernels without ESP. charon's plugin kernel-libipsec makes the device and charon keeps its
descriptor, so it ends with charon. ESP is always inside UDP port 4500 (RFC 3948), because charon
cannot send it otherwise.
"""

from __future__ import annotations

from lab.runtime import buffers, carrier, netns
from lab.runtime.dataplane import DEVICE, Place, routes_into
from lab.runtime.netlink import Router

ESP_PORT = 4500
WAITING = 1 << 20
"""Bytes of packets on their way into charon, which has to share the processors: some 900 of full size, for
the kernel doubles it, where a socket has room for 90 otherwise."""


class Userspace:
    """``DataPlane`` with the carrier as what says whether the interface is in use: the routes stay, and
    count for nothing without it."""

    name = "userspace"
    plugins: tuple[str, ...] = ("kernel-libipsec", "kernel-netlink")

    def adopt(self, place: Place, pid: int) -> None:
        """The plugin refuses an association when it cannot route into a device of the name its own had,
        so an empty bridge takes its place."""
        end = place.end
        buffers.enlarge_of(pid, ESP_PORT, WAITING)
        with Router(place.namespace) as inside:
            inside.give_away(DEVICE, place.router, end.ifname)
            inside.add_stand_in(DEVICE)
        netns.set_interface(place.router, end.ifname, "ignore_routes_with_linkdown", "1")
        with Router(place.router) as router:
            # Never up and with carrier before its routes are there: a speaker would write its own at once.
            router.change_link(end.ifname, mtu=end.mtu)
            carrier.set_carrier(place.router, end.ifname, up=False)
            router.change_link(end.ifname, state="up")
            for prefix, metric in routes_into(end):
                router.set_route(prefix, (), end.ifname, source=end.inner_address, metric=metric)

    def carry(self, place: Place, *, up: bool) -> None:
        carrier.set_carrier(place.router, place.end.ifname, up=up)

    def release(self, place: Place) -> None:
        with Router(place.namespace) as inside:
            inside.remove_link(DEVICE)

    def errors(self, place: Place) -> dict[str, int]:
        """libipsec drops without counting."""
        return {}
