"""The agent: between ExaBGP's sessions, the engine, the kernel and the supervisor."""

from __future__ import annotations

import math
import pickle
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from lab.agent.adj_rib_out import AdjRibOutQueue
from lab.agent.bridge import (
    Announcements,
    Session,
    SpeakerPeer,
    SpeakerReactor,
    drop,
    hold_down,
    release,
    retry_now,
)
from lab.agent.channel import Channel, ChannelClosedError
from lab.agent.fib import Fib, NextHops
from lab.agent.links import Links
from lab.bgp.engine import Engine
from lab.bgp.events import (
    Action,
    Advertise,
    Announced,
    CloseSession,
    EndOfRib,
    Event,
    HoldSession,
    Install,
    Nlri,
    Originate,
    PeerDown,
    PeerUp,
    PolicyChanged,
    ReleaseSession,
    RouteRefresh,
    Uninstall,
    Withdraw,
    Withdrawn,
    WithdrawOrigination,
)
from lab.bgp.route import Address, Prefix
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig

FSM_STATES = {
    "OPENSENT": "open-sent",
    "OPENCONFIRM": "open-confirm",
    "ESTABLISHED": "established",
}
"""ExaBGP's names of the states of RFC 4271 section 8.2.2 in which a connection exists."""

ONE_HOP = 1
"""The TTL of a session with a neighbour on the wire."""


@dataclass
class SessionRecord:
    """What we remember of a session beside ExaBGP's own state."""

    established_at: float | None = None
    established_transitions: int = 0
    """How often it became established (RFC 4273, bgpPeerFsmEstablishedTransitions)."""
    end_of_rib: bool = False
    last_error: str | None = None
    held: str | None = None
    """Why we keep it down."""


class Agent:
    """One speaker; ``peers_ready`` gives it its reactor before the first turn."""

    def __init__(self, config: SpeakerConfig, fib: Fib, links: Links, channel: Channel) -> None:
        self.reactor: SpeakerReactor
        self._obey(config)
        self._engine = Engine(config)
        self._fib = fib
        self._links = links
        self._channel = channel
        self._sessions = {neighbor.name: session for session, neighbor in self._neighbors.items()}
        self._records = {neighbor.name: SessionRecord() for neighbor in config.neighbors}
        self._installed: dict[Prefix, NextHops] = {}
        self._fib_changes: dict[Prefix, NextHops] = {}
        self._fib_refused: dict[Prefix, str] = {}

    def _obey(self, config: SpeakerConfig) -> None:
        self._config = config
        self._neighbors = {(str(n.local_address), str(n.peer_address)): n for n in config.neighbors}

    # What ExaBGP tells us (bridge.Listener).

    def keepalive(self, session: Session) -> int:
        return self._neighbors[session].timers.keepalive

    def peers_ready(self, reactor: SpeakerReactor) -> None:
        self.reactor = reactor
        self._perform(self._engine.first_actions)

    def session_up(self, session: Session) -> None:
        neighbor = self._neighbors[session]
        record = self._records[neighbor.name]
        record.established_at, record.end_of_rib, record.last_error = time.monotonic(), False, None
        record.established_transitions += 1
        peer = self.reactor.peer_of(session)
        identifier = IPv4Address(str(peer.proto.negotiated.received_open.router_id))
        self._handle(PeerUp(neighbor.name, identifier))
        self._emit("session-up", neighbor=neighbor.name)

    def session_down(self, session: Session, reason: str) -> None:
        neighbor = self._neighbors[session]
        record = self._records[neighbor.name]
        was_up = record.established_at is not None
        record.established_at, record.end_of_rib, record.last_error = None, False, reason
        if was_up:
            self._handle(PeerDown(neighbor.name, reason))
        self._emit("session-down" if was_up else "session-failed", neighbor=neighbor.name, reason=reason)

    def update(self, session: Session, announced: Announcements, withdrawn: list[Nlri]) -> None:
        name = self._neighbors[session].name
        if withdrawn:
            self._handle(Withdrawn(name, tuple(withdrawn)))
        for (attributes, path_id), prefixes in announced.items():
            self._handle(Announced(name, path_id, attributes, tuple(prefixes)))

    def end_of_rib(self, session: Session) -> None:
        neighbor = self._neighbors[session]
        self._records[neighbor.name].end_of_rib = True
        self._handle(EndOfRib(neighbor.name))
        self._emit("end-of-rib", neighbor=neighbor.name)

    def route_refresh(self, session: Session) -> None:
        neighbor = self._neighbors[session]
        self._handle(RouteRefresh(neighbor.name))
        self._emit("route-refresh", neighbor=neighbor.name)

    def wakeup_fds(self) -> list[int]:
        return [self._channel.fileno(), self._links.fileno()]

    def turn(self) -> None:
        """Once per turn of the reactor: follow the interfaces, write the FIB, serve the supervisor."""
        self._fall_over(self._links.cut())
        if self._links.changed():
            self._resolve()
        if self._links.came_up():
            self._fib_changes = self._installed | self._fib_changes
            for name in self._records:
                retry_now(self._peer(name))
        self._flush_fib()
        try:
            for request in self._channel.receive():
                self._channel.send(self._answer(request))
            self._channel.flush()
        except ChannelClosedError:
            raise SystemExit(0) from None

    def _fall_over(self, cut: frozenset[Address]) -> None:
        """Sessions of one hop end with the carrier of their interface."""
        for neighbor in self._config.neighbors if cut else ():
            up = self._records[neighbor.name].established_at is not None
            if up and neighbor.ttl == ONE_HOP and neighbor.local_address in cut:
                drop(self._peer(neighbor.name), "the interface lost its carrier")

    def _resolve(self) -> None:
        """Paths whose next hop the kernel has no way to are out of use until it has one (RFC 4271 section
        9.1.2.1)."""
        config, reachable = self._engine.config, self._reachable()
        if reachable != config.connected:
            self._handle(PolicyChanged(replace(config, connected=reachable)))

    def _reachable(self) -> tuple[Prefix, ...]:
        there = self._links.networks()
        return tuple(network for network in self._config.connected if network in there)

    # What the engine asks for.

    def _handle(self, *events: Event) -> None:
        self._perform(self._engine.handle(*events))

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Install(prefix, next_hops):
                    self._fib_changes[prefix] = next_hops
                case Uninstall(prefix):
                    self._fib_changes[prefix] = ()
                case Advertise(peer, attributes, nlri):
                    self._queue(peer).announce(attributes, nlri)
                case Withdraw(peer, nlri):
                    self._queue(peer).withdraw(nlri)
                case CloseSession(peer, _, subcode, reason):
                    self._close(peer, subcode, reason)
                case HoldSession(peer, subcode, reason):
                    self._records[peer].held = reason
                    hold_down(self._peer(peer), subcode, math.inf)
                    self._emit("session-held", neighbor=peer, reason=reason)
                case ReleaseSession(peer):
                    self._records[peer].held = None
                    release(self._peer(peer))
                    self._emit("session-released", neighbor=peer)

    def _close(self, name: str, subcode: int, reason: str) -> None:
        restart = self._neighbor(name).timers.restart
        hold_down(self._peer(name), subcode, restart)
        self._emit("session-dropped", neighbor=name, reason=reason, restart_s=restart)

    def _flush_fib(self) -> None:
        if not self._fib_changes:
            return
        changes, self._fib_changes = self._fib_changes, {}
        refused = self._fib.apply(changes)
        for prefix, next_hops in changes.items():
            if next_hops:
                self._installed[prefix] = next_hops
            else:
                self._installed.pop(prefix, None)
        for prefix in changes:
            self._fib_refused.pop(prefix, None)
        self._fib_refused |= refused
        installed = sorted(str(prefix) for prefix, hops in changes.items() if hops and prefix not in refused)
        removed = sorted(str(prefix) for prefix, hops in changes.items() if not hops)
        texts = {str(prefix): text for prefix, text in refused.items()}
        self._emit("fib", installed=installed, removed=removed, refused=texts)

    # What the supervisor asks.

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        answer: Any = None
        match request["do"]:
            case "status":
                answer = self.status()
            case "routes":
                answer = self._engine.routes(ip_network(request["prefix"]) if request.get("prefix") else None)
            case "why":
                answer = self._engine.why(_destination(request["destination"]))
            case "originate":
                self._handle(*map(Originate, _originations(request)))
            case "withdraw":
                self._handle(*map(WithdrawOrigination, map(ip_network, request["prefixes"])))
            case "configure":
                self._configure(pickle.loads(b64decode(request["config"])))
            case unknown:
                return {"reply": request["request"], "error": f"unknown request {unknown!r}"}
        return {"reply": request["request"], "answer": answer}

    def _configure(self, config: SpeakerConfig) -> None:
        """Obey ``config``, which has the sessions that there are."""
        self._obey(config)
        self._handle(PolicyChanged(replace(config, connected=self._reachable())))

    def status(self) -> dict[str, Any]:
        """Sessions, counters and whether anything is still to be done; see DESIGN, inspect."""
        sessions = [self._session_status(neighbor) for neighbor in self._config.neighbors]
        queues = [self._queue(neighbor.name) for neighbor in self._config.neighbors]
        return {
            "sessions": sessions,
            "idle": all(queue.idle for queue in queues) and not self._fib_changes,
            "fib_refused": {str(prefix): text for prefix, text in self._fib_refused.items()},
        }

    def _session_status(self, neighbor: Neighbor) -> dict[str, Any]:
        peer = self._peer(neighbor.name)
        record = self._records[neighbor.name]
        counts = self._engine.counts(neighbor.name)
        since = record.established_at
        return {
            "neighbor": neighbor.name,
            "local_address": str(neighbor.local_address),
            "peer_address": str(neighbor.peer_address),
            "local_asn": self._config.asn,
            "peer_asn": neighbor.peer_asn,
            "state": _state_of(peer),
            "held_down": peer.held(),
            "uptime_s": None if since is None else round(time.monotonic() - since, 3),
            "established_transitions": record.established_transitions,
            "prefixes_received": counts.received,
            "prefixes_accepted": counts.accepted,
            "prefixes_advertised": counts.advertised,
            "end_of_rib": record.end_of_rib,
            "updates_sent": peer.stats["send-update"],
            "updates_received": peer.stats["receive-update"],
            "last_error": record.held or record.last_error,
        }

    def _emit(self, kind: str, **facts: Any) -> None:
        self._channel.send({"event": {"time": time.monotonic(), "kind": kind, **facts}})

    def _neighbor(self, name: str) -> Neighbor:
        return self._config.neighbor(name)

    def _peer(self, name: str) -> SpeakerPeer:
        return self.reactor.peer_of(self._sessions[name])

    def _queue(self, name: str) -> AdjRibOutQueue:
        queue = self._peer(name).neighbor.rib.outgoing
        assert isinstance(queue, AdjRibOutQueue)
        return queue


def _originations(request: dict[str, Any]) -> Iterator[Origination]:
    communities, as_path = frozenset(request["communities"]), tuple(request["as_path"])
    for prefix in request["prefixes"]:
        yield Origination(ip_network(prefix), communities, as_path)


def _destination(text: str) -> Prefix | Address:
    return ip_network(text) if "/" in text else ip_address(text)


def _state_of(peer: SpeakerPeer) -> str:
    """The state of RFC 4271 section 8.2.2, which ExaBGP keeps only from OpenSent on."""
    if peer.proto is not None:
        return FSM_STATES.get(peer.fsm.name(), "connect")
    if peer.held():
        return "idle"
    return "active" if peer.neighbor["passive"] else "connect"
