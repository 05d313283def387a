"""The tunnels of a running lab: a charon for each end, told over vici, watched and started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any

from lab.errors import BackendError, InputError
from lab.fault.effects import Forgotten, Halt
from lab.ipsec import charon
from lab.ipsec.associations import ESTABLISHED
from lab.ipsec.charon import Held
from lab.plan.tunnel_facts import begins_inside
from lab.plan.tunnels import Certificates, Initiation, TunnelEnd
from lab.plan.types import Plan
from lab.runtime import forgetting, steering
from lab.runtime.backend import CharonHost
from lab.runtime.dataplane import DataPlane, Place
from lab.runtime.events import EventLog
from lab.runtime.halting import end_of, ends, press, strongest
from lab.runtime.keeping import initiate, keep, kill
from lab.runtime.netns import NetworkNamespace
from lab.runtime.rundir import RunFolder
from lab.runtime.tunnel_end import Around, RunningEnd


class Tunnels:
    """All tunnel ends of the lab. ``settle`` and ``build`` come before the event loop, the rest on it."""

    def __init__(self, plan: Plan, folder: RunFolder, charons: CharonHost) -> None:
        self._plan = plan
        self._folder = folder
        self._charons = charons
        self._plane: DataPlane
        self._places: list[Place] = []
        self._ends: list[RunningEnd] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.changed = asyncio.Event()
        """Set whenever an end changes its state."""

    def settle(self, plane: DataPlane) -> None:
        """What each charon will find in its folder, wherever that is begun."""
        self._plane = plane
        for end in self._plan.tunnels:
            folder = self._folder.tunnel(end.own_namespace)
            folder.mkdir(mode=0o700, parents=True)
            (folder / charon.SETTINGS).write_text(charon.settings(end, plane.plugins))

    def build(self, namespaces: Mapping[str, NetworkNamespace]) -> None:
        """Everything that is not a process. Raises BackendError."""
        self._places = steering.places(self._plan.tunnels, namespaces)
        for router in dict.fromkeys(place.router for place in self._places):
            steering.steer(router, [place for place in self._places if place.router is router])
        for place in self._places:
            steering.connect(place)

    async def start(self, events: EventLog) -> None:
        """Every charon runs and knows its connection; no tunnel is begun. Raises BackendError."""
        self._opened = asyncio.Event()
        if not self._places:
            return
        held = await asyncio.to_thread(_credentials, [place.end for place in self._places])
        around = Around(self._plane, self._charons, events, self._on_change, self._spawn)
        self._ends = [self._running(around, place, _of(place.end, held)) for place in self._places]
        await asyncio.gather(*(running.launch() for running in self._ends))
        for running in self._ends:
            self._spawn(keep(running))
            if running.end.initiation is not Initiation.NEVER:
                self._spawn(initiate(running, self._opened))

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
        await asyncio.gather(*(running.refresh() for running in self._ends))
        return [running.facts() for running in self._ends]

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
            await end_of(f"{namespace}: charon", running.ended)

    async def router_back(self, router: NetworkNamespace) -> None:
        """It is a new one, without the interfaces of its tunnels: their charons have to begin again.
        Raises BackendError."""
        own = [place for place in self._places if place.router is router]
        if own:
            await asyncio.to_thread(steering.steer, router, own)
        for running in self._ends:
            if running.place.router is router:
                kill(running)

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

    def _running(self, around: Around, place: Place, held: Held | None) -> RunningEnd:
        name = place.end.own_namespace
        log = self._folder.log(f"charon.{name}")
        return RunningEnd(around, place, self._folder.tunnel(name), log, held)

    def _on_change(self, running: RunningEnd, before: str) -> None:
        self.changed.set()
        now = running.associations.state
        if ESTABLISHED in (before, now):
            self._carry(running)
            running.write("tunnel-up" if now == ESTABLISHED else "tunnel-down")

    def _carry(self, running: RunningEnd) -> None:
        """Carrier for both ends once both have an association, and none for an end that lost its own.

        One end has it a little before the other. What it sent at once would get there, and no answer
        come back; a TCP that has to repeat its answer waits for a second. So the end that begins BGP is
        the last.
        """
        both = [one for one in self._ends if one.end.name == running.end.name]
        both.sort(key=lambda one: begins_inside(self._plan, one.end))
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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
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
