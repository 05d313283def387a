"""What a running lab says about itself: ``inspect`` and the questions to its speakers."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
from itertools import chain
from typing import Any

from lab.errors import InputError
from lab.plan.types import Endpoint, Plan
from lab.runtime.backend import Backend, Entrance
from lab.runtime.capability import Mechanisms
from lab.runtime.control import Reply, pack
from lab.runtime.convergence import expected_sessions, observe, settled
from lab.runtime.diagnose import explain, refused_routes
from lab.runtime.netns import NetworkNamespace
from lab.runtime.speakers import Speakers
from lab.runtime.tunnels import Tunnels

SIOCGIFFLAGS = 0x8913
IFF_UP, IFF_RUNNING = 0x1, 0x40


class View:
    """Reads; changes nothing. ``state`` is ``starting`` until the lab has converged; ``plan`` is
    what runs now."""

    def __init__(
        self,
        plan: Plan,
        namespaces: dict[str, NetworkNamespace],
        speakers: Speakers,
        tunnels: Tunnels,
        mechanisms: Mechanisms,
        backend: Backend,
    ) -> None:
        self.state = "starting"
        self.mechanisms = mechanisms
        self.plan = plan
        self._namespaces = namespaces
        self._speakers = speakers
        self._tunnels = tunnels
        self._backend = backend
        self._sockets = {name: _socket_in(namespace) for name, namespace in namespaces.items()}

    async def answer(self, request: dict[str, Any]) -> Any:
        """Answer a request of the control socket. Raises InputError for one it cannot."""
        match request:
            case {"do": "routes" | "why" as what, "namespace": name, **details}:
                return await self._speakers.ask(self.resolve(name, speaker=True), what, **details)
            case {"do": "sessions", "namespace": name}:
                resolved = self.resolve(name, speaker=True)
                return self._sessions(resolved, await self._speakers.statuses([resolved]))
            case {"do": "tunnels", "namespace": name}:
                node = self.resolve(name, speaker=False)
                return [end for end in await self._tunnels.describe() if end["node"] == node]
            case {"do": "plan"}:
                return pack(self.plan)
            case {"do": "settled"}:
                return await self.settled()
            case {"do": "diagnose", **which}:
                return await self.diagnose(which.get("namespace"), which.get("neighbor"))
            case _:
                raise InputError(f"unknown request {request.get('do')!r}")

    def forget(self, name: str) -> None:
        """That namespace is gone, and must not be held."""
        self._sockets.pop(name).close()

    def renew(self, name: str) -> None:
        """It is there again."""
        self._sockets[name] = _socket_in(self._namespaces[name])

    async def inspect(self) -> dict[str, Any]:
        """The shape every tool may rely on; see the README's command-line contract."""
        statuses = await self._speakers.statuses()
        plane = self.mechanisms.dataplane
        return {
            "lab": self.plan.name,
            "state": self.state,
            "backend": self._backend.name,
            "dataplane": plane.name if plane is not None and self.plan.tunnels else None,
            "dataplane_reason": self.mechanisms.dataplane_reason,
            "rootless": self._backend.rootless,
            "tagging": self.mechanisms.tagging.name,
            "nodes": [self._node(namespace.name) for namespace in self.plan.namespaces],
            "links": [
                {
                    "name": wire.name,
                    "a": str(wire.a),
                    "b": str(wire.b),
                    "state": self._wire_state(wire.a, wire.b),
                }
                for wire in self.plan.wires
            ],
            "bgp_sessions": [
                {"node": node, "vrf": vrf, **session}
                for name in self._speakers_in_order()
                for node, vrf in [_split(name)]
                for session in self._sessions(name, statuses)
            ],
            "tunnels": await self._tunnels.describe(),
        }

    async def settled(self) -> dict[str, Any]:
        """Whether nothing moves: all is sent, received and in the kernels. ``missing``: which
        sessions that should be up are not, which is no motion."""
        statuses = await self._speakers.statuses()
        first = observe(self.plan, statuses)
        second = observe(self.plan, await self._speakers.statuses(statuses))
        return {"settled": settled(first, second), "missing": list(second.missing)}

    async def diagnose(self, name: str | None = None, neighbor: str | None = None) -> list[str]:
        """A sentence for each session that is down and should not be, and for each refused route;
        or for each of one speaker, or for that with one neighbour, whatever it should be."""
        chosen = self._sessions_up() if name is None else self._sessions_of(name, neighbor)
        statuses = await self._speakers.statuses(chosen)
        found = await asyncio.gather(
            *(
                asyncio.to_thread(
                    explain, self.plan.speaker(each), statuses.get(each), self._namespaces[each], neighbors
                )
                for each, neighbors in chosen.items()
            )
        )
        refused = [refused_routes(self.plan.speaker(each), statuses.get(each)) for each in chosen]
        return [*chain(*found), *(chain(*refused) if neighbor is None else ())]

    def _sessions_up(self) -> dict[str, set[str]]:
        """The neighbours of each speaker with whom a session should be up."""
        expected = expected_sessions(self.plan)
        return {
            name: {neighbor for namespace, neighbor in expected if namespace == name}
            for name in self._speakers_in_order()
        }

    def _sessions_of(self, name: str, neighbor: str | None) -> dict[str, set[str]]:
        resolved = self.resolve(name, speaker=True)
        known = {each.name for each in self.plan.speaker(resolved).config.neighbors}
        if neighbor is not None and neighbor not in known:
            raise InputError(
                f"{resolved} has no session with {neighbor}", hint=f"there are: {', '.join(sorted(known))}"
            )
        return {resolved: known if neighbor is None else {neighbor}}

    def entrance(self, name: str) -> Reply:
        """Descriptors by which a process of ours joins a node."""
        namespace = self._named(name)
        return _led(namespace.name, self._backend.entrance(namespace))

    def inside(self, name: str) -> Reply:
        """Descriptors by which a command of the user's is run in a node."""
        namespace = self._named(name)
        return _led(namespace.name, self._backend.inside(namespace))

    def _named(self, name: str) -> NetworkNamespace:
        """Of a node, or of a tunnel's end by ``TunnelEnd.own_namespace``, where its charon is."""
        own = (end.place.namespace for end in self._tunnels.ends)
        found = next((namespace for namespace in own if namespace.name == name), None)
        return found or self._namespaces[self.resolve(name, speaker=False)]

    def resolve(self, name: str, *, speaker: bool) -> str:
        """``node`` or ``node/vrf`` as the plan knows it.

        A node's name alone means its only namespace of use: the one with a speaker if it has
        exactly one, else its base. Raises InputError listing what there is.
        """
        wanted = {s.namespace for s in self.plan.speakers} if speaker else set(self._namespaces)
        if name in wanted:
            return name
        inside = sorted(known for known in wanted if known.split("/")[0] == name)
        if len(inside) == 1:
            return inside[0]
        what = "a BGP speaker" if speaker else "a node"
        known = ", ".join(inside or sorted(wanted))
        if inside:
            raise InputError(f"{name} is several: say which VRF", hint=f"there are: {known}")
        raise InputError(f"{name} is not {what} of this lab", hint=f"there are: {known}")

    def _node(self, name: str) -> dict[str, Any]:
        node, vrf = _split(name)
        state = self._speakers[name].state if name in self._speakers else "running"
        if name not in self._sockets:
            state = "restarting"
        return {"name": node, "vrf": vrf, "role": self.plan.node(node).role.value, "state": state}

    def _wire_state(self, *ends: Endpoint) -> str:
        return "up" if all(self._is_running(end) for end in ends) else "down"

    def _is_running(self, end: Endpoint) -> bool:
        request = struct.pack("16sH14x", end.ifname.encode(), 0)
        try:
            answer = fcntl.ioctl(self._sockets[end.namespace], SIOCGIFFLAGS, request)
        except (KeyError, OSError):
            return False
        flags = struct.unpack_from("16xH", answer)[0]
        return bool(flags & IFF_UP and flags & IFF_RUNNING)

    def _speakers_in_order(self) -> list[str]:
        return [speaker.namespace for speaker in self.plan.speakers]

    def _sessions(self, name: str, statuses: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """A daemon that is down has its sessions in state idle."""
        if name in statuses:
            return list(statuses[name]["sessions"])
        config, state = self.plan.speaker(name).config, self._speakers[name].state
        why = "its BGP daemon " + ("does not answer" if state == "running" else f"is {state}")
        return [
            {
                "neighbor": neighbor.name,
                "local_address": str(neighbor.local_address),
                "peer_address": str(neighbor.peer_address),
                "local_asn": config.asn,
                "peer_asn": neighbor.peer_asn,
                "state": "idle",
                "held_down": False,
                "uptime_s": None,
                "established_transitions": 0,
                "prefixes_received": 0,
                "prefixes_accepted": 0,
                "prefixes_advertised": 0,
                "end_of_rib": False,
                "updates_sent": 0,
                "updates_received": 0,
                "last_error": why,
            }
            for neighbor in config.neighbors
        ]


def _led(name: str, entrance: Entrance) -> Reply:
    answer = {"namespace": name, "kinds": list(entrance.kinds), "bounding": entrance.bounding}
    return Reply(answer, given=entrance.fds)


def _split(name: str) -> tuple[str, str | None]:
    node, _, vrf = name.partition("/")
    return node, vrf or None


def _socket_in(namespace: NetworkNamespace) -> socket.socket:
    """A socket that belongs to the namespace wherever its owner is (socket(7))."""
    with namespace.entered():
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
