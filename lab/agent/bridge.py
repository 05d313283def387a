"""The seams where the agent sits inside ExaBGP.

ExaBGP's reactor reports to a ``Processes`` object and reads routes to send from each
neighbour's ``rib.outgoing``. Ours take their place: messages arrive decoded, routes leave
packed, and no text is written or parsed in between. Everything of ExaBGP that is relied
upon is named in this file and in ``adj_rib_out.py``.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

import exabgp.reactor.loop as exabgp_loop
import exabgp.reactor.peer as exabgp_peer
from exabgp.bgp.message import Action as NlriAction
from exabgp.bgp.message import Notify, Update
from exabgp.bgp.message.refresh import RouteRefresh
from exabgp.configuration.configuration import Configuration
from exabgp.environment import getenv
from exabgp.reactor.network.connection import Connection
from exabgp.reactor.network.error import NetworkError
from exabgp.reactor.peer import ACTION, Peer

from lab.agent.adj_rib_out import AdjRibOutQueue
from lab.agent.codec import decode, prefix_of
from lab.bgp.events import Nlri
from lab.bgp.route import Address, PathAttributes
from lab.timing import PATIENCE

IDLE_POLL_MS = round(min(200 * PATIENCE, 1000))
"""How long a reactor with all sessions up may wait for its sockets; timers count seconds. On a slow host
longer, for these looks are most of what a lab at rest costs."""

REPORTED = ("neighbor-changes", "receive-update", "receive-refresh", "receive-parsed")
"""What ExaBGP's reactor tells its ``Processes``, in the words of its ``api`` section."""

POLL_EVENTS = select.POLLIN | select.POLLPRI | select.POLLHUP | select.POLLNVAL | select.POLLERR


class Listener(Protocol):
    """What the agent is told; a session is named by (local address, peer address)."""

    def keepalive(self, session: Session) -> int: ...

    def peers_ready(self, reactor: SpeakerReactor) -> None: ...

    def session_up(self, session: Session) -> None: ...

    def session_down(self, session: Session, reason: str) -> None: ...

    def update(self, session: Session, announced: Announcements, withdrawn: list[Nlri]) -> None: ...

    def end_of_rib(self, session: Session) -> None: ...

    def route_refresh(self, session: Session) -> None: ...

    def turn(self) -> None: ...

    def wakeup_fds(self) -> list[int]: ...


Session = tuple[str, str]
Announcements = dict[tuple[PathAttributes, int], list[Any]]
"""(attributes, path id) -> prefixes"""


def session_of(neighbor: Any) -> Session:
    return str(neighbor["local-address"]), str(neighbor["peer-address"])


class ConnectRetry:
    """The pause before the next connection, in the place of ExaBGP's ``Delay``.

    RFC 4271's ConnectRetryTime of 120 s is for the Internet; here a peer's daemon starts
    milliseconds after ours, and a link that heals should be used at once.
    """

    FIRST_S, LONGEST_S = 0.02, 2.0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._until, self._next = 0.0, self.FIRST_S

    def increase(self) -> None:
        self._until = time.monotonic() + self._next
        self._next = min(2 * self._next, self.LONGEST_S)

    def backoff(self) -> bool:
        return time.monotonic() < self._until


class KeepaliveTimer(exabgp_peer.KA):  # type: ignore[misc]
    """ExaBGP always sends a third of the hold time apart; a speaker may be told a shorter time.

    RFC 4271 section 4.4: a third of the hold time is the longest that is reasonable.
    """

    def __init__(self, session: Any, proto: Any) -> None:
        super().__init__(session, proto)
        wanted = proto.peer.reactor.keepalive_of(proto.neighbor)
        self.send_timer.keepalive = min(wanted, self.send_timer.keepalive)


write_message = Connection.writer


def write_in_turn(connection: Any, message: bytes) -> Iterator[bool]:
    """In the place of ``Connection.writer``: a message begins when those before it have ended.

    ExaBGP writes UPDATEs, keepalives and notifications by generators that know nothing of each
    other. When the send buffer is full, one has sent a part of its message; whoever came next
    would put its own in the middle of that. Here whoever goes on, goes on with the oldest.
    """
    begun = vars(connection).setdefault("begun", deque())
    mine = write_message(connection, message)
    begun.append(mine)
    while mine in begun and connection.io:
        if next(begun[0], True):
            begun.popleft()
        else:
            yield False
    yield True


WRITES_TO_LEAVE = 10
"""Tries to write a last message; a send buffer that is full is not waited for."""


class SpeakerPeer(Peer):  # type: ignore[misc]
    """A session that can be held down for a while after it was dropped on purpose."""

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self.held_until = 0.0
        self._delay = ConnectRetry()

    def held(self) -> bool:
        return time.monotonic() < self.held_until

    def _close(self, message: str = "", error: Any = "") -> None:
        """The reason our agent hears includes what ExaBGP only logs."""
        super()._close(f"{message}: {error}" if error else message, error)

    def shutdown(self) -> None:
        """Whoever is asked to end says so: Cease/2, administrative shutdown (RFC 4486)."""
        if self.proto is not None:
            with contextlib.suppress(NetworkError):
                leave = self.proto.new_notification(Notify(6, 2))
                for _ in zip(range(WRITES_TO_LEAVE), leave, strict=False):
                    pass
        super().shutdown()

    def run(self) -> Any:
        if self.proto is None and self.generator is None and self.held():
            return ACTION.LATER
        return super().run()

    def handle_connection(self, connection: Any) -> Any:
        if self.held():
            return connection.notification(6, 5, "held down")
        return super().handle_connection(connection)


class SpeakerReactor(exabgp_loop.Reactor):  # type: ignore[misc]
    """ExaBGP's reactor, waiting on its listening sockets too, with our RIB on each neighbour."""

    def __init__(self, configuration: Any, listener: Listener) -> None:
        super().__init__(configuration)
        self._watched: set[int] = set()
        self._agent = listener

    def reload(self) -> bool:
        if not super().reload():
            return False
        for peer in self._peers.values():
            neighbor = peer.neighbor
            neighbor.api.update(dict.fromkeys(REPORTED, ["agent"]))
            if not isinstance(neighbor.rib.outgoing, AdjRibOutQueue):
                neighbor.rib.outgoing = AdjRibOutQueue(neighbor.families())
        self._agent.peers_ready(self)
        return True

    def keepalive_of(self, neighbor: Any) -> int:
        return self._agent.keepalive(session_of(neighbor))

    def peer_of(self, session: Session) -> SpeakerPeer:
        """The peer of a session; KeyError when there is none."""
        for peer in self._peers.values():
            if session_of(peer.neighbor) == session:
                return peer  # type: ignore[no-any-return]
        raise KeyError(session)

    def _settled(self) -> bool:
        return all(peer.neighbor["passive"] or peer.established() for peer in self._peers.values())

    def _wait_for_io(self, sleeptime: int) -> Iterator[int]:
        listening = {sock.fileno() for sock in self.listener._sockets}
        for fd in listening - self._watched:
            self._poller.register(fd, POLL_EVENTS)
        self._watched |= listening
        if sleeptime and self._settled():
            sleeptime = IDLE_POLL_MS
        for fd in super()._wait_for_io(sleeptime):
            if fd not in self._watched:
                yield fd


class AgentProcesses:
    """In the place of ExaBGP's ``Processes``: events go to the agent by a call."""

    terminate_on_error = False
    silence = False

    def __init__(self, agent: Listener) -> None:
        self._agent = agent

    @property
    def fds(self) -> list[int]:
        return self._agent.wakeup_fds()

    def received(self) -> tuple[()]:
        """Called once a turn of the reactor: the moment for our own work."""
        self._agent.turn()
        return ()

    def message(self, _code: int, neighbor: Any, _direction: str, message: Any, *_rest: Any) -> None:
        session = session_of(neighbor)
        if message.TYPE == RouteRefresh.TYPE:
            asked = message.reserved == RouteRefresh.request
            if asked and (message.afi, message.safi) in neighbor.families():
                self._agent.route_refresh(session)
        elif message.TYPE == Update.TYPE:
            if any(nlri.EOR for nlri in message.nlris):
                self._agent.end_of_rib(session)
            else:
                self._agent.update(session, *_sorted_out(message))

    def up(self, neighbor: Any) -> None:
        self._agent.session_up(session_of(neighbor))

    def down(self, neighbor: Any, reason: str) -> None:
        self._agent.session_down(session_of(neighbor), reason)

    # The rest of what a reactor calls; nothing of it concerns an agent.

    def start(self, _configuration: Any, _restart: bool = False) -> None: ...

    def terminate(self) -> None: ...

    def broken(self, _neighbor: Any) -> bool:
        return False

    def connected(self, _neighbor: Any) -> None: ...

    def notification(self, *_arguments: Any) -> None: ...

    def signal(self, *_arguments: Any) -> None: ...

    def answer_error(self, _service: str) -> None: ...


def _sorted_out(update: Any) -> tuple[Announcements, list[Nlri]]:
    """What an UPDATE announces and withdraws.

    Announcements without valid attributes withdraw (RFC 7606 section 2). Of two IPv6 next
    hops the link-local one is passed over (RFC 2545 section 3); ExaBGP lists a prefix twice.
    """
    announced: Announcements = {}
    withdrawn: list[Nlri] = []
    decoded: dict[Any, PathAttributes | None] = {}
    for nlri in update.nlris:
        prefix = prefix_of(bytes(nlri.cidr._packed), nlri.cidr.mask)
        path_id = int.from_bytes(nlri.path_info.pack(), "big")
        if nlri.action == NlriAction.WITHDRAW:
            withdrawn.append((prefix, path_id))
            continue
        next_hop = nlri.nexthop.ton()
        if next_hop not in decoded:
            decoded[next_hop] = decode(update.attributes, nlri.nexthop)
        attributes = decoded[next_hop]
        if attributes is None:
            withdrawn.append((prefix, path_id))
        elif not _is_ipv6_link_local(attributes.next_hop):
            announced.setdefault((attributes, path_id), []).append(prefix)
    return announced, withdrawn


def _is_ipv6_link_local(address: Address) -> bool:
    """169.254.0.0/16 is not meant: a VPN gateway may speak BGP from there."""
    return address.version == 6 and address.is_link_local


def prepare_exabgp() -> None:
    """Settle ExaBGP's environment; once per process, before any fork."""
    environment = getenv()
    environment.api.cli = False
    environment.api.ack = False
    environment.daemon.drop = False
    environment.daemon.user = "root"  # of the lab's user namespace: the FIB needs CAP_NET_ADMIN
    environment.log.destination = "stderr"
    environment.log.level = "WARNING"
    environment.log.short = True
    environment.cache.attributes = True
    exabgp_loop.log.init(environment)
    exabgp_loop.Peer = SpeakerPeer
    Connection.writer = write_in_turn
    exabgp_peer.KA = KeepaliveTimer


def make_reactor(configuration: str, agent: Listener) -> SpeakerReactor:
    """A reactor for ExaBGP configuration text, reporting to ``agent``."""
    exabgp_loop.Processes = lambda: AgentProcesses(agent)
    return SpeakerReactor(Configuration([configuration], text=True), agent)


def retry_now(peer: SpeakerPeer) -> None:
    """Try the next connection at once: what stood in its way may be gone."""
    peer._delay.reset()


def drop(peer: SpeakerPeer, reason: str) -> None:
    """The connection is gone, and nobody can be told (RFC 4271 section 8.2.2, Event 18)."""
    peer._reset(reason)


def hold_down(peer: SpeakerPeer, subcode: int, seconds: float) -> None:
    """Drop a session with Cease/``subcode`` (RFC 4486) and keep it down for a while."""
    peer.held_until = time.monotonic() + seconds
    peer.teardown(subcode)


def release(peer: SpeakerPeer) -> None:
    """The session may come up again at once."""
    peer.held_until = 0.0
