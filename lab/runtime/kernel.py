"""The kernel data plane: native ESP (IP protocol 50), and an xfrm interface that stands in the router.

The kernel looks up associations and policies of an xfrm interface where it was made, wherever it is
moved: with charon. So two tunnels never meet, and one number serves for the interface of each.
"""

from __future__ import annotations

import os

from lab.errors import BackendError
from lab.ipsec.charon import IF_ID
from lab.runtime import carrier, netns, xfrm
from lab.runtime.carrier import DeviceRoute
from lab.runtime.dataplane import DEVICE, Place, routes_into
from lab.runtime.netlink import Router


class Kernel:
    """``DataPlane`` with up and down as what says whether the interface is in use: it has no carrier to
    take away."""

    name = "kernel"
    plugins: tuple[str, ...] = ("kernel-netlink",)

    def adopt(self, place: Place, _pid: int) -> None:
        end = place.end
        with Router(place.namespace) as inside:
            inside.add_link(DEVICE, "xfrm", xfrm_if_id=IF_ID)
            inside.give_away(DEVICE, place.router, end.ifname)
        netns.set_interface(place.router, end.ifname, "disable_ipv6", "1", family="ipv6")
        with Router(place.router) as router:
            router.change_link(end.ifname, mtu=end.mtu)
        carrier.put_out_of_use(place.router, end.ifname)

    def carry(self, place: Place, *, up: bool) -> None:
        end = place.end
        if up:
            routes = [DeviceRoute(prefix, end.inner_address, metric) for prefix, metric in routes_into(end)]
            carrier.put_into_use(place.router, end.ifname, routes)
        else:
            carrier.put_out_of_use(place.router, end.ifname)

    def release(self, place: Place) -> None:
        """The kernel would carry on without charon, with keys that nobody renews."""
        with Router(place.router) as router:
            router.remove_link(place.end.ifname)
        with Router(place.namespace) as inside:
            inside.remove_link(DEVICE)
        try:
            xfrm.flush(place.namespace)
        except OSError as error:
            raise BackendError(
                f"{place.namespace.name}: cannot flush associations: {os.strerror(error.errno or 0)}"
            ) from None

    def errors(self, place: Place) -> dict[str, int]:
        return xfrm.errors(place.namespace)
