"""One end of a tunnel: its charon, what that says, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import BackendError
from lab.fault.effects import Halt
from lab.ipsec import charon, drops, problems
from lab.ipsec.associations import DOWN, ESTABLISHED, Associations, associations, barren, listed_by
from lab.ipsec.charon import Held
from lab.ipsec.vici import Session
from lab.plan.tunnels import TunnelEnd
from lab.runtime.backend import CharonHost
from lab.runtime.dataplane import DataPlane, Place
from lab.runtime.events import EventLog
from lab.runtime.halting import STATES
from lab.runtime.rundir import short_path
from lab.timing import CHARON_LISTENS, Backoff

EVENTS = ("log", "ike-updown", "child-updown")


@dataclass(frozen=True)
class Around:
    """What all ends of a lab share. ``changed``: is told of an end whose state is no longer what it was."""

    plane: DataPlane
    charons: CharonHost
    events: EventLog
    changed: Callable[[RunningEnd, str], None]
    spawn: Callable[[Coroutine[Any, Any, None]], None]


@dataclass
class RunningEnd:
    """One end: its charon, or the pause before the next one."""

    around: Around
    place: Place
    folder: Path
    log: Path
    held: Held | None = None
    session: Session | None = None
    pid: int | None = None
    associations: Associations = Associations()
    problem: str | None = None
    dropped: Counter[str] = field(default_factory=Counter)
    """Packets that charon said it dropped, by reason."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    halt: Halt | None = None
    """How a fault keeps its charon from doing anything."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def end(self) -> TunnelEnd:
        return self.place.end

    @property
    def state(self) -> str:
        if self.halt is not None:
            return STATES[self.halt]
        return "restarting" if self.session is None else self.associations.state

    def facts(self) -> dict[str, Any]:
        """As ``inspect`` shows them; with what this end refused, and the kernel's own names for that
        where it counts."""
        end = self.end
        errors = self.around.plane.errors(self.place)
        return {
            "name": end.name,
            "node": end.namespace,
            "peer": end.peer,
            "interface": end.ifname,
            "local_address": str(end.local_address),
            "remote_address": str(end.remote_address),
            **self.associations.as_facts(),
            "state": self.state,
            "problem": self.problem,
            **drops.counters(self.dropped, errors),
            "errors": errors,
        }

    # Its charon.

    async def launch(self) -> None:
        """A charon that listens, has given its device to the router and knows its connection: in that order,
        for with a connection its peer may begin at once, and a device that is taken over then is out of
        use. Raises BackendError."""
        self.pid = pid = await self.around.charons.start(self.place, self.folder, self.log)
        self.around.events.write("daemon-started", self.end.namespace, daemon="charon", pid=self.pid)
        self.session = await self._connected()
        (self.folder / charon.VICI_SOCKET).chmod(0o600)
        await self.session.register(*EVENTS)
        await asyncio.to_thread(self.around.plane.adopt, self.place, pid)
        await self.session.command(*charon.secret(self.end, self.held))
        for name, connection in charon.connections(self.end, self.held).items():
            await self.session.command("load-conn", {name: connection})

    async def _connected(self) -> Session:
        loop, backoff = asyncio.get_running_loop(), Backoff()
        deadline = loop.time() + CHARON_LISTENS.seconds
        while True:
            try:
                with short_path(self.folder / charon.VICI_SOCKET) as path:
                    return await Session.connect(path, self._on_event)
            except OSError:
                if loop.time() > deadline or not _lives(self.pid):
                    raise BackendError(
                        f"{self.end.namespace}: charon does not listen ({CHARON_LISTENS.name})",
                        hint=f"its last words: {_last_line(self.log)}",
                    ) from None
            await asyncio.sleep(backoff.next())

    async def drop(self) -> None:
        """It has ended, or was never there."""
        if self.session is not None:
            await self.session.close()
        self.session, self.pid = None, None
        self.ended.set()
        self._note(Associations())
        with contextlib.suppress(BackendError):  # adopting the next one's device will say what is wrong
            await asyncio.to_thread(self.around.plane.release, self.place)

    async def begin(self, useless: frozenset[str]) -> frozenset[str]:
        """All children, when there is neither a tunnel nor a try for one. Raises BackendError.

        An IKE association without any has had its chance when it was so at the last look, too: what of
        ``useless`` still is so is given up. Returns those that are so now.
        """
        if self.session is None or self.halt is not None:
            return useless
        session = self.session
        listed = await listed_by(session, self.associations)
        self._note(associations(listed))
        now = barren(listed)
        for ike in useless & now:
            await session.command("terminate", {"ike-id": ike, "timeout": "-1"})
        if self.associations.state == DOWN:
            for child in self.end.children:
                await session.command(
                    "initiate", {"ike": charon.STARTING, "child": child.name, "timeout": "-1"}
                )
        return now

    async def refresh(self) -> None:
        """Look at its associations anew."""
        if self.session is None or self.halt is not None:
            return
        with contextlib.suppress(BackendError):
            listed = await listed_by(self.session, self.associations)
            self._note(associations(listed))

    # What charon says.

    def _on_event(self, name: str, facts: dict[str, Any]) -> None:
        if name == "log":
            reason = drops.reason_in(facts.get("msg", ""))
            if reason is not None:
                self.dropped[reason] += 1
                return
            problem = problems.problem_in(facts.get("msg", ""), self.end)
            if problem is not None:
                self._on_problem(problem)
            return
        self.around.spawn(self.refresh())

    def _on_problem(self, problem: str) -> None:
        if not problems.outranks(problem, self.problem):
            return
        if problem in problems.NO_ANSWER and self.associations.state == ESTABLISHED:
            return  # a question on the way, or lost; what came of it is told by the associations
        if problem != self.problem:
            self.problem = problem
            self.write("tunnel-problem", text=problem)

    def _note(self, seen: Associations) -> None:
        before, self.associations = self.associations.state, seen
        if seen.state != before:
            self.changed.set()
            self.around.changed(self, before)

    def write(self, kind: str, **facts: Any) -> None:
        """An event of this end of the tunnel."""
        end = self.end
        self.around.events.write(kind, end.namespace, tunnel=end.name, peer=end.peer, **facts)


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "none"
