"""The supervisor of one lab. Builds it, watches it, answers for it, ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from lab.errors import BackendError, LabError
from lab.plan.tunnel_facts import count_of_tunnels, sessions_at_tunnels, without_tunnels
from lab.plan.types import Plan
from lab.runtime import capability, control, leftovers, planes
from lab.runtime.backend import Backend
from lab.runtime.backends import backend_named
from lab.runtime.capability import Mechanisms
from lab.runtime.convergence import Observation, converged, expected_sessions, observe
from lab.runtime.dataplane import WHERE
from lab.runtime.events import EventLog
from lab.runtime.faults import Faults
from lab.runtime.keys import KeyFeed
from lab.runtime.launch import Failed, Orders, Progress, Ready, receive_orders
from lab.runtime.mending import Mending
from lab.runtime.names import AUTO
from lab.runtime.netns import NetworkNamespace
from lab.runtime.operations import Operations
from lab.runtime.reaper import Reaper
from lab.runtime.rundir import RunFolder
from lab.runtime.speakers import Speakers
from lab.runtime.tunnels import Tunnels
from lab.runtime.view import View
from lab.runtime.wiring import Wiring
from lab.timing import Backoff

Expected = Callable[[Plan], set[tuple[str, str]]]
"""Which sessions of a plan must be up by now; asked at every look, since the plan may change."""


def supervise(asker: socket.socket, backend_name: str, *, rootless: bool) -> None:
    """The body of the lab's own process. ``asker`` is the command line that wants it up."""
    os.chdir("/")
    backend = backend_named(backend_name, rootless=rootless)
    backend.settle()
    mechanisms = _chosen(backend)
    received = receive_orders(asker)
    if received is None:
        return
    orders, lock = received
    folder = RunFolder(orders.folder)
    try:
        _Supervisor(asker, orders, folder, backend, mechanisms).run()
    finally:
        leftovers.discard(folder)
        os.close(lock)


def _chosen(backend: Backend) -> Mechanisms | LabError:
    """Choosing goes on while the topology is compiled; a problem is told with the orders."""
    try:
        return capability.choose(backend.programs())
    except LabError as error:
        return error


class _Supervisor:
    def __init__(
        self,
        asker: socket.socket,
        orders: Orders,
        folder: RunFolder,
        backend: Backend,
        mechanisms: Mechanisms | LabError,
    ) -> None:
        self._asker: socket.socket | None = asker
        self._leash: socket.socket | None = None
        self._orders = orders
        self._plan = orders.plan
        self._folder = folder
        self._backend = backend
        self._chosen = mechanisms

    def run(self) -> None:
        """Up, then serve until told to stop; whatever fails is told to the asker, when all is down."""
        try:
            try:
                self._open_log()
                self._events = EventLog(self._folder.events, self._orders.started_at)
                self._build()
                asyncio.run(self._live())
            except BaseException:
                with contextlib.suppress(LabError):  # the first error is the one that tells
                    self._backend.close()
                raise
            self._backend.close()
        except LabError as error:
            self._tell(Failed(error.message, error.hint))
        except OSError as error:
            self._tell(Failed(f"{error.filename or 'the lab'}: {error.strerror}", "is the disk full?"))

    def _build(self) -> None:
        """Everything that is not a process. Before the event loop runs, because pyroute2
        runs loops of its own."""
        if isinstance(self._chosen, LabError):
            raise self._chosen
        self._mechanisms = self._chosen
        self._settle_tunnels()
        self._wiring = Wiring(self._plan, self._mechanisms.tagging)
        self._tunnels = Tunnels(self._plan, self._folder, self._backend.charons)
        if self._mechanisms.dataplane is not None:
            self._tunnels.settle(self._mechanisms.dataplane)
        found: dict[str, NetworkNamespace] = {}
        with contextlib.closing(self._backend.create(self._plan, self._folder)) as coming:
            for some in coming:
                found |= some
                self._wiring.add(some)
        self._namespaces = {each.name: found[each.name] for each in self._plan.namespaces}
        self._tunnels.build(found)
        self._step(f"wired {len(self._plan.namespaces)} namespaces, tags by {self._mechanisms.tagging.name}")

    def _settle_tunnels(self) -> None:
        """A host that cannot carry tunnels still gets the rest of the lab, unless it was asked for one
        data plane by name."""
        ends = self._plan.tunnels
        choice = planes.choose(self._orders.dataplane if ends else AUTO, self._mechanisms.obstacles, ends)
        why = choice.why if ends else None
        self._mechanisms = replace(self._mechanisms, dataplane=choice.plane, dataplane_reason=why)
        if ends and choice.plane is None:
            self._plan = without_tunnels(self._plan)
            self._step(f"no IPsec tunnels: {choice.why}", warning=True)
            return
        if choice.left_out:
            refused = ", ".join(choice.left_out)
            self._step(f"without ESP proposals that this kernel refuses: {refused}", warning=True)
        self._plan = replace(self._plan, tunnels=choice.ends)

    async def _live(self) -> None:
        self._stopping = asyncio.Event()
        self._watch_signals()
        self._speakers = Speakers(self._backend.speakers, self._events)
        for speaker in self._plan.speakers:
            log = self._folder.log(speaker.namespace)
            self._speakers.start(speaker, self._namespaces[speaker.namespace], log)
        self._view = View(
            self._plan,
            self._namespaces,
            self._speakers,
            self._tunnels,
            self._mechanisms,
            self._backend,
        )
        changing = asyncio.Lock()
        self._faults = Faults(
            self._view,
            self._speakers,
            self._tunnels,
            self._namespaces,
            self._events,
            self._reaper,
            changing,
        )
        self._operations = Operations(
            self._view,
            self._speakers,
            self._wiring,
            self._events,
            self._reaper,
            changing,
            self._faults.namespaces_cut,
        )
        mending = Mending(
            self._namespaces,
            self._wiring,
            self._view,
            self._tunnels,
            self._faults,
            self._events,
            self._reaper,
            changing,
        )
        self._backend.watch(mending)
        self._keys = KeyFeed(self._tunnels)
        server = await control.serve(control.listen(self._folder.control_socket), self._handle)
        self._step(f"started {len(self._plan.speakers)} BGP speakers")
        await self._tunnels.start(self._events)
        await self._come_up()
        if not self._stopping.is_set():
            self._hand_over()
        await self._stopping.wait()
        server.close()
        await self._tunnels.close()
        self._events.write("lab-stopping")

    async def _come_up(self) -> None:
        """Tunnels are begun once there is a way to their far ends; an IKE message that is lost is
        sent again only after seconds."""
        deadline = time.monotonic() + self._orders.convergence.seconds
        if self._view.plan.tunnels:
            await self._converge(_beside_tunnels, deadline)
            self._tunnels.open()
            await self._until_tunneled(deadline)
            self._step(f"opened {count_of_tunnels(self._view.plan)} IPsec tunnels {self._carried()}")
        await self._converge(expected_sessions, deadline)
        self._view.state = "running"

    def _carried(self) -> str:
        """By what, and why."""
        plane = self._mechanisms.dataplane
        return "" if plane is None else f"in {WHERE[plane.name]}: {self._mechanisms.dataplane_reason}"

    async def _until_tunneled(self, deadline: float) -> None:
        while not self._stopping.is_set() and (missing := self._tunnels.missing(self._view.plan)):
            self._tunnels.changed.clear()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._too_late(missing)
            await _first_of(self._stopping, self._tunnels.changed, timeout=remaining)

    async def _converge(self, expected: Expected, deadline: float) -> None:
        """Until two looks in a row say so; ends early when nobody waits any more.

        A look costs every speaker a wake-up, so there is none before all have reported the
        end-of-RIB of every session.
        """
        backoff = Backoff()
        last: Observation | None = None
        await self._until_reported(expected, deadline)
        while not self._stopping.is_set():
            statuses = await self._speakers.statuses()
            seen = observe(self._view.plan, statuses, expected(self._view.plan))
            if last is not None and converged(last, seen):
                return
            if time.monotonic() > deadline:
                raise await self._not_converged(seen)
            last = seen
            await _first_of(self._stopping, timeout=backoff.next())

    async def _until_reported(self, expected: Expected, deadline: float) -> None:
        while not self._stopping.is_set():
            if expected(self._view.plan) <= self._speakers.complete:
                return
            self._speakers.changed.clear()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            await _first_of(self._stopping, self._speakers.changed, timeout=remaining)

    async def _not_converged(self, seen: Observation) -> BackendError:
        return self._too_late(await self._view.diagnose() or seen.missing or ["routes still move"])

    def _too_late(self, findings: Iterable[str]) -> BackendError:
        budget = self._orders.convergence
        text = "\n".join(f"  {finding}" for finding in findings)
        return BackendError(
            f"the lab did not converge in {budget.seconds:g} s ({budget.name}):\n{text}",
            hint="nothing was left behind; a slow machine may need `--timeout SECONDS`",
        )

    def _hand_over(self) -> None:
        """From now on the lab runs; a lasting one lives without the process that asked for it.

        Raises BackendError when an event so far could not be written.
        """
        seconds = time.monotonic() - self._orders.started_at
        self._events.write("lab-running", seconds=round(seconds, 3))
        if self._events.problem is not None:
            raise BackendError(f"cannot write {self._folder.events}: {self._events.problem.strerror}")
        asker, self._asker = self._asker, None
        assert asker is not None
        plane = self._mechanisms.dataplane
        facts = {
            "backend": self._backend.name,
            "rootless": self._backend.rootless,
            "tagging": self._mechanisms.tagging.name,
            "dataplane": plane.name if plane is not None and self._view.plan.tunnels else None,
        }
        with contextlib.suppress(OSError):
            asker.sendall(pickle.dumps(Ready(seconds, facts)))
        if self._orders.lasting:
            asyncio.get_running_loop().remove_reader(asker)
            asker.close()
        else:
            self._leash = asker

    def _step(self, text: str, *, warning: bool = False) -> None:
        self._events.write("warning" if warning else "progress", text=text)
        self._tell(Progress(text, warning))

    def _tell(self, message: Progress | Failed) -> None:
        if self._asker is not None:
            with contextlib.suppress(OSError):
                self._asker.sendall(pickle.dumps(message))

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        self._reaper = Reaper(loop)
        assert self._asker is not None
        loop.add_reader(self._asker, self._stopping.set)

    def _open_log(self) -> None:
        """Where our own words and the back end's go."""
        log = os.open(self._folder.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        self._backend.log_to(log)
        os.close(log)

    async def _handle(self, request: dict[str, Any]) -> control.Reply:
        match request.get("do"):
            case "stop":
                self._stopping.set()
                return control.Reply("stopping")
            case "entrance":
                return self._view.entrance(request["namespace"])
            case "inside":
                return self._view.inside(request["namespace"])
            case "keys":
                missing, fd = await self._keys.listen()
                return control.Reply({"missing": missing}, given=(fd,))
            case "originate" | "withdraw" | "apply":
                return control.Reply(await self._operations.answer(request))
            case "fault-apply" | "fault-clear" | "fault-list":
                return control.Reply(await self._faults.answer(request))
            case "inspect":
                return control.Reply(await self._view.inspect() | {"faults": self._faults.listed()})
            case _:
                return control.Reply(await self._view.answer(request))


def _beside_tunnels(plan: Plan) -> set[tuple[str, str]]:
    """What comes up without them."""
    return expected_sessions(plan) - sessions_at_tunnels(plan)


async def _first_of(*events: asyncio.Event, timeout: float) -> None:
    """Until one of the events is set, or the time (seconds) is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
