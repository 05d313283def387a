"""The tunnels of a running lab: a charon for each end, told over vici, watched and started again.

The lab begins tunnels, not charon: an end that starts tries at once when told to, and again every
few seconds for as long as there is no tunnel, as Azure's gateways do. An end that leaves the first
word to its peer begins a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lab.errors import BackendError, InputError
from lab.fault.effects import Forgotten, Halt
from lab.ipsec import charon, drops, problems
from lab.ipsec.associations import DOWN, ESTABLISHED, Associations, associations, barren, listed_by
from lab.ipsec.charon import Held
from lab.ipsec.vici import Session
from lab.plan.tunnels import Certificates, Initiation, TunnelEnd
from lab.plan.types import Plan
from lab.runtime import forgetting, steering
from lab.runtime.apparmor import Program, without_its_profile
from lab.runtime.dataplane import DataPlane, Place
from lab.runtime.events import EventLog
from lab.runtime.halting import STATES, ends, press, strongest
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment
from lab.runtime.rundir import RunFolder, short_path
from lab.timing import CHARON_LISTENS, DAEMON_END, TUNNEL_RETRY_S, Backoff

PATIENCE_S = 3.0
"""What an end that could begin itself leaves its peer to do so."""
FIRST_RESTART_S = 0.25
LONGEST_RESTART_S = 10.0

EVENTS = ("log", "ike-updown", "child-updown")


@dataclass
class RunningEnd:
    """One end: its charon, or the pause before the next one."""

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


class Tunnels:
    """All tunnel ends of the lab. ``build`` comes before the event loop, the rest on it."""

    def __init__(self, plan: Plan, folder: RunFolder) -> None:
        self._plan = plan
        self._folder = folder
        self._plane: DataPlane
        self._places: list[Place] = []
        self._ends: list[RunningEnd] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        """Set whenever an end changes its state."""

    def build(self, namespaces: dict[str, NetworkNamespace], plane: DataPlane) -> None:
        """Everything that is not a process. Raises BackendError."""
        self._plane = plane
        self._program = without_its_profile("charon-systemd", self._folder.path)
        self._places = steering.prepare(self._plan.tunnels, namespaces)

    async def start(self, events: EventLog) -> None:
        """Every charon runs and knows its connection; no tunnel is begun. Raises BackendError."""
        self._events = events
        self._opened = asyncio.Event()
        held = await asyncio.to_thread(_credentials, [place.end for place in self._places])
        self._ends = [self._running(place, _of(place.end, held)) for place in self._places]
        await asyncio.gather(*(self._launch(running) for running in self._ends))
        for running in self._ends:
            self._spawn(self._keep(running))
            if running.end.initiation is not Initiation.NEVER:
                self._spawn(self._initiate(running))

    def open(self) -> None:
        """Begin the tunnels."""
        self._opened.set()

    async def close(self) -> None:
        """Stop watching; the charons end with the lab."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def missing(self, plan: Plan) -> list[str]:
        """What is not yet as planned, a sentence for each tunnel."""
        found: dict[str, str] = {}
        for running in self._ends:
            end = running.end
            if running.state != ESTABLISHED and end.name not in plan.tunnels_down:
                why = running.problem or f"{running.state}: nobody has begun it"
                where = f"tunnel {end.name} ({end.namespace} - {end.peer})"
                if end.name not in found or running.problem is not None:
                    found[end.name] = f"{where}: {why}"
        return list(found.values())

    @property
    def ends(self) -> tuple[RunningEnd, ...]:
        return tuple(self._ends)

    async def describe(self) -> list[dict[str, Any]]:
        """The tunnels as ``inspect`` shows them."""
        await asyncio.gather(*(self._refresh(running) for running in self._ends))
        return [_facts(running) | self._losses(running) for running in self._ends]

    def _losses(self, running: RunningEnd) -> dict[str, Any]:
        """What its end of the tunnel refused, and the kernel's own names for that where it counts."""
        errors = self._plane.errors(running.place)
        return {**drops.counters(running.dropped, errors), "errors": errors}

    async def hold(self, namespace: str, tunnel: str, halts: Collection[Halt]) -> None:
        """Keep the charon of a tunnel's end from doing anything in these ways, or in none any more.

        Returns when it is as wanted; raises BackendError when it does not end.
        """
        running = self._end(namespace, tunnel)
        before, running.halt = running.halt, strongest(halts, running.halt)
        running.ended.clear()
        running.changed.set()
        self.changed.set()
        press(running.pid, before, running.halt)
        running.resumed.set()
        if ends(running.halt) and running.pid is not None:
            await self._end_of(running)

    async def forget(self, lost: Forgotten) -> None:
        """An end loses its associations. Raises InputError when it has none, BackendError when charon
        does not run."""
        running = self._end(lost.namespace, lost.tunnel)
        if running.session is None or running.halt is not None:
            raise BackendError(f"{lost.namespace}: charon for {lost.tunnel} is {running.state}")
        if lost.told:
            await forgetting.delete(running.session, lost.association)
        else:
            await forgetting.forget(running.session, running.place.namespace)

    def _end(self, namespace: str, tunnel: str) -> RunningEnd:
        for running in self._ends:
            if (running.end.namespace, running.end.name) == (namespace, tunnel):
                return running
        raise InputError(f"this lab has no tunnel {tunnel} at {namespace}")

    async def _end_of(self, running: RunningEnd) -> None:
        try:
            await asyncio.wait_for(running.ended.wait(), DAEMON_END.seconds)
        except TimeoutError:
            limit = f"{DAEMON_END.seconds:g} s ({DAEMON_END.name})"
            raise BackendError(
                f"{running.end.namespace}: charon did not end in {limit}", hint="`how: kill` does not ask it"
            ) from None

    # One end.

    def _running(self, place: Place, held: Held | None) -> RunningEnd:
        name = f"{place.end.namespace}~{place.end.peer}"
        folder = self._folder.path / "tunnels" / name
        folder.mkdir(mode=0o700, parents=True)
        (folder / charon.SETTINGS).write_text(charon.settings(place.end, self._plane.plugins))
        return RunningEnd(place, folder, self._folder.log(f"charon.{name}"), held)

    async def _launch(self, running: RunningEnd) -> None:
        """A charon that listens, knows its connection and has given its device to the router."""
        (running.folder / charon.VICI_SOCKET).unlink(missing_ok=True)
        running.pid = _start_charon(running, self._program)
        self._events.write("daemon-started", running.end.namespace, daemon="charon", pid=running.pid)
        running.session = await self._connected(running)
        (running.folder / charon.VICI_SOCKET).chmod(0o600)
        await running.session.register(*EVENTS)
        await running.session.command(*charon.secret(running.end, running.held))
        for name, connection in charon.connections(running.end, running.held).items():
            await running.session.command("load-conn", {name: connection})
        await asyncio.to_thread(self._plane.adopt, running.place)

    async def _connected(self, running: RunningEnd) -> Session:
        loop, backoff = asyncio.get_running_loop(), Backoff()
        deadline = loop.time() + CHARON_LISTENS.seconds
        while True:
            try:
                with short_path(running.folder / charon.VICI_SOCKET) as path:
                    return await Session.connect(path, partial(self._on_event, running))
            except OSError:
                if loop.time() > deadline or not _lives(running.pid):
                    raise BackendError(
                        f"{running.end.namespace}: charon does not listen ({CHARON_LISTENS.name})",
                        hint=f"its last words: {_last_line(running.log)}",
                    ) from None
            await asyncio.sleep(backoff.next())

    async def _keep(self, running: RunningEnd) -> None:
        """Start it again when it dies, after a pause that doubles up to a limit."""
        pause = FIRST_RESTART_S
        while True:
            if running.pid is not None:
                await _exit_of(running.pid)
            await self._drop(running)
            if ends(running.halt):
                self._events.write("daemon-halted", running.end.namespace, daemon="charon")
                pause = FIRST_RESTART_S
            else:
                self._events.write("daemon-died", running.end.namespace, daemon="charon", restart_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_RESTART_S)
            while ends(running.halt):
                running.resumed.clear()
                await running.resumed.wait()
            try:
                await self._launch(running)
                pause = FIRST_RESTART_S
            except BackendError as error:
                self._events.write("daemon-failed", running.end.namespace, daemon="charon", text=str(error))
                if running.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(running.pid, signal.SIGKILL)

    async def _drop(self, running: RunningEnd) -> None:
        if running.session is not None:
            await running.session.close()
        running.session, running.pid = None, None
        running.ended.set()
        self._note(running, Associations())
        with contextlib.suppress(BackendError):  # adopting the next one's device will say what is wrong
            await asyncio.to_thread(self._plane.release, running.place)

    async def _initiate(self, running: RunningEnd) -> None:
        await self._opened.wait()
        useless: frozenset[str] = frozenset()
        while True:
            if running.end.initiation is Initiation.PATIENT:
                await _until_begun(running)
            if running.session is not None and running.halt is None:
                with contextlib.suppress(BackendError):
                    useless = await self._begin(running, running.session, useless)
            running.changed.clear()
            await _wait(running.changed, TUNNEL_RETRY_S)

    async def _begin(self, running: RunningEnd, session: Session, useless: frozenset[str]) -> frozenset[str]:
        """All children, when there is neither a tunnel nor a try for one.

        An IKE association without any has had its chance when it was so at the last look, too: what of
        ``useless`` still is so is given up. Returns those that are so now.
        """
        listed = await listed_by(session, running.associations)
        self._note(running, associations(listed))
        now = barren(listed)
        for ike in useless & now:
            await session.command("terminate", {"ike-id": ike, "timeout": "-1"})
        if running.associations.state == DOWN:
            for child in running.end.children:
                await session.command(
                    "initiate", {"ike": charon.STARTING, "child": child.name, "timeout": "-1"}
                )
        return now

    # What charon says.

    def _on_event(self, running: RunningEnd, name: str, facts: dict[str, Any]) -> None:
        if name == "log":
            reason = drops.reason_in(facts.get("msg", ""))
            if reason is not None:
                running.dropped[reason] += 1
                return
            problem = problems.problem_in(facts.get("msg", ""), running.end)
            if problem is not None:
                self._on_problem(running, problem)
            return
        self._spawn(self._refresh(running))

    def _on_problem(self, running: RunningEnd, problem: str) -> None:
        if not problems.outranks(problem, running.problem):
            return
        if problem in problems.NO_ANSWER and running.associations.state == ESTABLISHED:
            return  # a question on the way, or lost; what came of it is told by the associations
        if problem != running.problem:
            running.problem = problem
            end = running.end
            self._events.write("tunnel-problem", end.namespace, tunnel=end.name, peer=end.peer, text=problem)

    async def _refresh(self, running: RunningEnd) -> None:
        if running.session is None or running.halt is not None:
            return
        with contextlib.suppress(BackendError):
            listed = await listed_by(running.session, running.associations)
            self._note(running, associations(listed))

    def _note(self, running: RunningEnd, seen: Associations) -> None:
        before, running.associations = running.associations.state, seen
        if seen.state == before:
            return
        running.changed.set()
        self.changed.set()
        end = running.end
        if ESTABLISHED in (before, seen.state):
            up = seen.state == ESTABLISHED
            self._carry(running)
            kind = "tunnel-up" if up else "tunnel-down"
            self._events.write(kind, end.namespace, tunnel=end.name, peer=end.peer)

    def _carry(self, running: RunningEnd) -> None:
        """Carrier for both ends once both have an association, and none for an end that lost its own.

        One end has it a little before the other. What it sent at once would get there, and no answer
        come back; a TCP that has to repeat its answer waits for a second.
        """
        both = [one for one in self._ends if one.end.name == running.end.name]
        if running.associations.state != ESTABLISHED:
            changed = [running]
        elif all(one.associations.state == ESTABLISHED for one in both):
            changed = both
            for one in both:
                one.problem = None
        else:
            return
        for one in changed:
            with contextlib.suppress(BackendError):  # the device ends with its charon
                self._plane.carry(one.place, up=one.associations.state == ESTABLISHED)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _credentials(ends: Iterable[TunnelEnd]) -> Mapping[Certificates, Held]:
    """The certificates of those that have some; their keys are in no file."""
    wanted = [end.certificates for end in ends if end.certificates is not None]
    if not wanted:
        return {}
    from lab.ipsec.certificates import make  # its library takes longer to import than most labs to build

    return make(wanted)


def _of(end: TunnelEnd, held: Mapping[Certificates, Held]) -> Held | None:
    return None if end.certificates is None else held[end.certificates]


def _start_charon(running: RunningEnd, program: Program) -> int:
    environment = node_environment() | {"STRONGSWAN_CONF": charon.SETTINGS}
    log = os.open(running.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        with running.place.namespace.entered():
            return subprocess.Popen(
                [program.path],
                pass_fds=program.descriptors,
                cwd=running.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ).pid
    except FileNotFoundError:
        raise BackendError(
            "charon-systemd is not installed", hint="`make setup` installs what the lab needs"
        ) from None
    finally:
        os.close(log)


async def _exit_of(pid: int) -> None:
    """Until the process has ended; the supervisor reaps it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)


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


async def _until_begun(running: RunningEnd) -> None:
    """Until the peer has, or its time to do so is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while running.associations.state == DOWN:
                running.changed.clear()
                await running.changed.wait()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _facts(running: RunningEnd) -> dict[str, Any]:
    end = running.end
    return {
        "name": end.name,
        "node": end.namespace,
        "peer": end.peer,
        "interface": end.ifname,
        "local_address": str(end.local_address),
        "remote_address": str(end.remote_address),
        **running.associations.as_facts(),
        "state": running.state,
        "problem": running.problem,
    }
