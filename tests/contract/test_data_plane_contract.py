"""Both data planes of IPsec tunnels, held to one contract on real interfaces; charon is played.

Each story runs in namespaces of its own and tells what it saw.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from data_planes import skip_without
from tunnel_ends import END

from lab.agent.fib import KernelFib
from lab.agent.links import LinkWatch
from lab.errors import BackendError
from lab.plan.addresses import host
from lab.runtime import netns, steering
from lab.runtime.capability import IFF_NO_PI, IFF_TUN, TUNSETIFF
from lab.runtime.dataplane import DEVICE, DataPlane
from lab.runtime.isolation import run_isolated
from lab.runtime.netlink import Router
from lab.runtime.planes import PLANES
from lab.runtime.process import run_in
from lab.timing import PATIENCE

PEER, BEHIND, STATIC = "10.2.0.228", "10.9.9.9", "10.8.8.8"
LINKS_AND_ROUTES = 0x1 | 0x40
"""RTMGRP_LINK and RTMGRP_IPV4_ROUTE."""
RTM_NEWLINK, RTM_NEWROUTE, IFF_LOWER_UP = 16, 24, 0x10000
PATIENCE_S = 5.0 * PATIENCE


class Scene:
    """A router with one end of a tunnel, and what charon and a speaker would do."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.router = netns.create("device", forwarding=True)
        with Router(self.router) as link:
            link.change_link("lo", state="up")
            link.add_address("lo", host(END.inner_address))
        own = netns.create(END.own_namespace, forwarding=False)
        (self.place,) = steering.places((END,), {"device": self.router, END.own_namespace: own})
        steering.steer(self.router, [self.place])
        steering.connect(self.place)
        with self.router.entered():
            self.fib, self.watch = KernelFib(), LinkWatch()
            self.notices = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self.notices.bind((0, LINKS_AND_ROUTES))
            self.notices.setblocking(False)
        self._tun: int | None = None

    def charon_starts(self) -> None:
        """It brings a device only where it carries ESP itself."""
        if self.plane.name == "userspace":
            with self.place.namespace.entered():
                self._tun = os.open("/dev/net/tun", os.O_RDWR)
                device = struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI)
                fcntl.ioctl(self._tun, TUNSETIFF, device)

    def charon_ends(self) -> None:
        if self._tun is not None:
            os.close(self._tun)

    def interfaces(self) -> list[str]:
        with Router(self.router) as link:
            return [interface.ifname for interface in link.interfaces()]

    def mtu(self) -> int:
        (link,) = json.loads(run_in(self.router, ["ip", "-j", "link", "show", END.ifname]).output)
        return int(link["mtu"])

    def way(self, address: str) -> str | None:
        """The interface that packets to an address leave by; None when they do not."""
        done = run_in(self.router, ["ip", "-j", "route", "get", address])
        return json.loads(done.output)[0]["dev"] if done.returncode == 0 else None

    def comes_to(self, address: str, interface: str | None) -> bool:
        """Whether that becomes the way in time; a speaker writes its routes when links come up."""
        deadline = time.monotonic() + PATIENCE_S
        while (way := self.way(address)) != interface and time.monotonic() < deadline:
            if self.watch.came_up():
                self.learn()
        return way == interface

    def learn(self) -> dict[str, str]:
        """The route of a speaker, through the tunnel's BGP peer; what the kernel refused."""
        refused = self.fib.apply({IPv4Network("10.9.0.0/16"): (IPv4Address(PEER),)})
        return {str(prefix): why for prefix, why in refused.items()}

    def last_notice_is_of_the_link(self) -> bool:
        """That the interface is up, after all that is told of routes."""
        told: list[int] = []
        deadline = time.monotonic() + PATIENCE_S
        while RTM_NEWLINK not in told and time.monotonic() < deadline:
            with suppress(BlockingIOError):
                while True:
                    told += _kinds(self.notices.recv(1 << 16))
        return bool(told) and told[-1] == RTM_NEWLINK


def _kinds(data: bytes) -> list[int]:
    """Of the notices in a datagram: new routes, and interfaces that are up."""
    found = []
    while len(data) >= 32:
        length, kind = struct.unpack_from("=IH", data)
        up = struct.unpack_from("=I", data, 24)[0] & IFF_LOWER_UP
        if kind == RTM_NEWROUTE or (kind == RTM_NEWLINK and up):
            found.append(kind)
        data = data[(length + 3) & ~3 :]
    return found


@pytest.fixture(params=PLANES, ids=lambda plane: plane.name)
def told(request: pytest.FixtureRequest) -> Callable[[Callable[[Scene], Any]], Any]:
    """``told(story)``: what the story returns, told in namespaces of its own."""
    plane: DataPlane = request.param
    skip_without(plane)
    return lambda story: run_isolated(lambda: story(Scene(plane)))


Told = Callable[[Callable[[Scene], Any]], Any]


def adopted(scene: Scene) -> None:
    scene.charon_starts()
    scene.plane.adopt(scene.place, os.getpid())


def test_an_interface_is_adopted_out_of_use(told: Told) -> None:
    def story(scene: Scene) -> Any:
        adopted(scene)
        return END.ifname in scene.interfaces(), scene.mtu(), scene.comes_to(PEER, None), scene.way(STATIC)

    assert told(story) == [True, 1400, True, None]


def test_in_use_all_that_belongs_into_the_tunnel_goes_there(told: Told) -> None:
    def story(scene: Scene) -> Any:
        adopted(scene)
        scene.plane.carry(scene.place, up=True)
        ways = scene.comes_to(PEER, END.ifname), scene.comes_to(STATIC, END.ifname)
        return *ways, scene.learn(), scene.way(BEHIND)

    assert told(story) == [True, True, {}, END.ifname]


def test_out_of_use_nothing_leaves_another_way(told: Told) -> None:
    def story(scene: Scene) -> Any:
        with Router(scene.router) as link:
            link.set_route(steering.EVERYWHERE, (), "esp0")
        adopted(scene)
        scene.plane.carry(scene.place, up=True)
        scene.comes_to(PEER, END.ifname)
        scene.plane.carry(scene.place, up=False)
        return scene.comes_to(PEER, None), scene.way(STATIC), scene.way("10.7.7.7")

    assert told(story) == [True, None, "esp0"]


def test_back_in_use_the_routes_of_speakers_are_there_again(told: Told) -> None:
    def story(scene: Scene) -> Any:
        adopted(scene)
        scene.plane.carry(scene.place, up=True)
        scene.comes_to(PEER, END.ifname)
        scene.learn()
        before = scene.way(BEHIND)
        scene.plane.carry(scene.place, up=False)
        gone = scene.comes_to(BEHIND, None)
        scene.plane.carry(scene.place, up=True)
        return before, gone, scene.comes_to(BEHIND, END.ifname), scene.comes_to(STATIC, END.ifname)

    assert told(story) == [END.ifname, True, True, True]


def test_speakers_hear_of_the_interface_when_its_routes_are_there(told: Told) -> None:
    def story(scene: Scene) -> Any:
        adopted(scene)
        for up in (True, False):
            scene.plane.carry(scene.place, up=up)
            scene.comes_to(PEER, END.ifname if up else None)
        with suppress(BlockingIOError):
            while True:
                scene.notices.recv(1 << 16)
        scene.plane.carry(scene.place, up=True)
        return scene.last_notice_is_of_the_link()

    assert told(story) is True


def test_released_all_is_as_before_and_the_next_charon_may_come(told: Told) -> None:
    def story(scene: Scene) -> Any:
        adopted(scene)
        scene.plane.carry(scene.place, up=True)
        scene.charon_ends()
        scene.plane.release(scene.place)
        scene.plane.release(scene.place)
        left, way = END.ifname in scene.interfaces(), scene.way(PEER)
        adopted(scene)
        scene.plane.carry(scene.place, up=True)
        return left, way, scene.comes_to(PEER, END.ifname)

    assert told(story) == [False, None, True]


def test_what_never_was_adopted_is_released_too(told: Told) -> None:
    assert told(lambda scene: scene.plane.release(scene.place)) is None


def test_there_is_nothing_to_carry_without_an_interface(told: Told) -> None:
    def story(scene: Scene) -> Any:
        try:
            scene.plane.carry(scene.place, up=True)
        except BackendError as error:
            return error.message
        return None

    assert END.ifname in told(story)


def test_nothing_was_dropped_before_there_is_a_tunnel(told: Told) -> None:
    assert told(lambda scene: scene.plane.errors(scene.place)) == {}
