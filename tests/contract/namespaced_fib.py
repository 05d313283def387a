"""A KernelFib, static routes and notices of interfaces in a network namespace of its own, called from
the test's process.

Works as root and as an ordinary user. A child leaves the host's namespaces, its child is
the init of the new ones, holds all that and answers calls over a pipe; when the pipe
closes, for whatever reason, the init ends and the kernel removes all that was made.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from lab.agent.fib import RTPROT_MSEELAB, KernelFib, NextHops
from lab.agent.links import LinkWatch
from lab.bgp.route import Prefix
from lab.runtime.isolation import isolate, own_mounts
from lab.runtime.netlink import Router
from lab.runtime.netns import SELF, NetworkNamespace, set_interface
from lab.runtime.process import node_environment

Routes = dict[Prefix, NextHops]

STATIC = 4
"""The protocol of a route an administrator adds (rtnetlink(7), RTPROT_STATIC)."""

SET_UP = (
    "link set lo up",
    "link add name near type veth peer name far",
    "address add 192.0.2.1/24 dev near",
    "-6 address add 2001:db8::1/64 dev near nodad",
    "link set near up",
    "link set far up",
)


class NamespacedFib:
    """The Fib protocol, and what a test wants to know of the kernel."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, changes: Mapping[Prefix, NextHops]) -> dict[Prefix, str]:
        refused: dict[Prefix, str] = self._call("apply", dict(changes))
        return refused

    def routes(self, protocol: int = RTPROT_MSEELAB) -> Routes:
        found: Routes = self._call("routes", protocol)
        return found

    def set_route(self, prefix: Prefix, *details: Any) -> None:
        """``Router.set_route``: next hops, interface, onlink, metric."""
        self._call("set_route", (prefix, *details))

    def remove_route(self, prefix: Prefix, metric: int | None = None) -> None:
        self._call("remove_route", (prefix, metric))

    def changed(self) -> bool:
        """``LinkWatch.changed``, and so on."""
        told: bool = self._call("changed", None)
        return told

    def networks(self) -> frozenset[Prefix]:
        found: frozenset[Prefix] = self._call("networks", None)
        return found

    def pass_over_without_carrier(self, ifname: str) -> None:
        """As the interfaces of a lab have it."""
        self._call("pass_over_without_carrier", ifname)

    def ip(self, words: str) -> str:
        """Run ``ip`` in the namespace."""
        output: str = self._call("ip", words)
        return output

    def _call(self, what: str, argument: object) -> Any:
        with contextlib.suppress(BrokenPipeError):  # then what went wrong is there to be read
            self._connection.send((what, argument))
        done, value = self._connection.recv()
        if not done:
            raise RuntimeError(f"{what} failed in the namespace:\n{value}")
        return value


@contextmanager
def namespaced_fib() -> Iterator[NamespacedFib]:
    ours, theirs = Pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        ours.close()
        _child(theirs)
    theirs.close()
    try:
        yield NamespacedFib(ours)
    finally:
        ours.close()
        os.waitpid(child, 0)


def _child(connection: Connection) -> None:
    """Never returns."""
    try:
        isolate()
        if (init := os.fork()) != 0:
            connection.close()
            os.waitpid(init, 0)
        else:
            _serve(connection)
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        _answer_failure(connection)
    finally:
        os._exit(0)


def _serve(connection: Connection) -> None:
    own_mounts()
    for words in SET_UP:
        _ip(words)
    fib, links = KernelFib(), LinkWatch()
    here = NetworkNamespace("here", os.open(SELF, os.O_RDONLY))
    calls: dict[str, Callable[[Any], object]] = {
        "apply": fib.apply,
        "changed": lambda _: links.changed(),
        "networks": lambda _: links.networks(),
        "routes": _routes,
        "ip": _ip,
        "pass_over_without_carrier": lambda ifname: _pass_over(here, ifname),
        "set_route": lambda route: _set_route(here, *route),
        "remove_route": lambda route: _remove_route(here, *route),
    }
    while True:
        try:
            what, argument = connection.recv()
        except EOFError:
            return
        try:
            connection.send((True, calls[what](argument)))
        except Exception:  # noqa: BLE001  the test's process shows it
            _answer_failure(connection)


def _set_route(
    here: NetworkNamespace,
    prefix: Prefix,
    hops: NextHops,
    ifname: str | None = None,
    onlink: bool = False,
    metric: int | None = None,
) -> None:
    with Router(here) as router:
        router.set_route(prefix, hops, ifname, onlink=onlink, metric=metric)


def _remove_route(here: NetworkNamespace, prefix: Prefix, metric: int | None) -> None:
    with Router(here) as router:
        router.remove_route(prefix, metric=metric)


def _pass_over(here: NetworkNamespace, ifname: str) -> None:
    for family in ("ipv4", "ipv6"):
        set_interface(here, ifname, "ignore_routes_with_linkdown", "1", family=family)


def _answer_failure(connection: Connection) -> None:
    if not connection.closed:
        connection.send((False, traceback.format_exc()))


def _ip(words: str) -> str:
    done = subprocess.run(
        ["ip", *words.split()], capture_output=True, text=True, check=False, env=node_environment()
    )
    if done.returncode:
        raise RuntimeError(f"ip {words}: {done.stderr}")
    return done.stdout


def _routes(protocol: int) -> Routes:
    """The routes of a protocol in the main table: prefix to gateways, as ``ip`` shows them."""
    found: Routes = {}
    for version in (4, 6):
        for route in json.loads(_ip(f"-{version} -j route show proto {protocol}") or "[]"):
            if route["dst"] == "default":
                route["dst"] = "0.0.0.0/0" if version == 4 else "::/0"
            hops = route.get("nexthops", [route])
            prefix = ip_network(route["dst"])
            assert prefix not in found, f"two routes to {prefix}"
            found[prefix] = tuple(sorted(ip_address(hop["gateway"]) for hop in hops if "gateway" in hop))
    return found
