"""The faults of a running lab: applied, told of, and undone, in any order.

The lab is always brought from the effects that are in force to those that all applied faults want
together, so faults may overlap, and one that fails half-way is taken back whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from lab.agent.fib import RTPROT_MSEELAB
from lab.errors import BackendError, InputError, LabError
from lab.fault.effects import DaemonHalted, Fault, Forgotten, Lasting
from lab.plan.types import Endpoint
from lab.runtime.broken import Broken, interface_of
from lab.runtime.control import unpack
from lab.runtime.events import EventLog
from lab.runtime.halting import ends
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.reaper import Reaper
from lab.runtime.speakers import Speakers
from lab.runtime.tunnels import Tunnels
from lab.runtime.view import View

Json = dict[str, Any]


@dataclass(frozen=True)
class Applied:
    """A fault that holds. ``since``: monotonic seconds."""

    fault: Fault
    since: float


class Faults:
    """``changing`` is held by whoever changes the lab, so that one does at a time."""

    def __init__(
        self,
        view: View,
        speakers: Speakers,
        tunnels: Tunnels,
        namespaces: dict[str, NetworkNamespace],
        events: EventLog,
        reaper: Reaper,
        changing: asyncio.Lock,
    ) -> None:
        self._view = view
        self._speakers = speakers
        self._tunnels = tunnels
        self._namespaces = namespaces
        self._events = events
        self._reaper = reaper
        self._changing = changing
        self._broken = Broken(namespaces, view.mechanisms.tagging)
        self._applied: dict[str, Applied] = {}
        self._in_force: list[Lasting] = []

    async def answer(self, request: Json) -> Any:
        """Raises InputError for a request that cannot be met, BackendError when the kernel or a daemon
        did not do as told; then nothing has changed."""
        match request:
            case {"do": "fault-apply", "fault": str(packed)}:
                return await self.apply(unpack(packed, Fault))
            case {"do": "fault-clear", "names": list(names)}:
                return await self.clear([str(name) for name in names])
            case {"do": "fault-list"}:
                return self.listed()
            case _:
                raise InputError(
                    f"a request to {request['do']} lacks something",
                    hint="fault-apply needs a fault, fault-clear needs names",
                )

    def listed(self) -> list[Json]:
        """Those that hold, oldest first."""
        return [
            {
                "name": name,
                "kind": each.fault.kind,
                "parameters": each.fault.parameters,
                "sentence": each.fault.sentence,
                "age_s": round(time.monotonic() - each.since, 3),
            }
            for name, each in self._applied.items()
        ]

    async def apply(self, fault: Fault) -> str | None:
        """All of it or nothing; returns the name it is cleared by, None when there is nothing to clear."""
        async with self._changing:
            if self._view.state != "running":
                raise BackendError("the lab is not up yet", hint="`mseelab list` shows when it is")
            name = self._name_for(fault) if fault.lasting else None
            began = time.monotonic()
            await self._hold([*self._wanted(), *fault.lasting])
            for effect in fault.effects:
                if isinstance(effect, Forgotten):
                    with self._reaper.leaving_children():
                        await self._tunnels.forget(effect)
            if name is not None:
                self._applied[name] = Applied(fault, began)
            self._write("fault-applied", name, fault, began)
            return name

    async def clear(self, names: list[str]) -> list[str]:
        """Undo these, or all without names; returns which."""
        async with self._changing:
            unknown = [name for name in names if name not in self._applied]
            if unknown:
                known = ", ".join(self._applied) or "none"
                raise InputError(f"no fault {unknown[0]} is applied", hint=f"applied: {known}")
            cleared = {name: self._applied[name] for name in names or self._applied}
            began = time.monotonic()
            await self._hold(self._wanted(without=cleared))
            for name, each in cleared.items():
                del self._applied[name]
                self._write("fault-cleared", name, each.fault, began)
            return list(cleared)

    async def again(self, interfaces: Collection[Endpoint]) -> None:
        """What holds of an interface holds of the one that has taken its place. Raises BackendError."""
        for effect in self._in_force:
            if interface_of(effect) in interfaces:
                await self._enforce(effect, self._broken.begin)

    def namespaces_cut(self) -> set[str]:
        """Where a port is down, so that the kernel refuses routes over it."""
        return self._broken.namespaces_cut(self._in_force)

    def _name_for(self, fault: Fault) -> str:
        for name, each in self._applied.items():
            if fault.same(each.fault):
                raise InputError(f"{fault.sentence}: that is so already", hint=f"it is fault {name}")
        name = fault.name or fault.kind
        if name in self._applied:
            what = self._applied[name].fault.sentence
            raise InputError(f"a fault {name} is applied already: {what}", hint="give this one another name")
        return name

    def _wanted(self, without: Iterable[str] = ()) -> list[Lasting]:
        left = [each.fault.lasting for name, each in self._applied.items() if name not in set(without)]
        return [effect for effects in left for effect in effects]

    async def _hold(self, wanted: list[Lasting]) -> None:
        """Bring the lab to these effects, or leave it as it was."""
        before = list(self._in_force)
        try:
            await self._move(wanted)
        except (LabError, OSError):
            with contextlib.suppress(LabError):
                await self._move(before)
            raise

    async def _move(self, wanted: list[Lasting]) -> None:
        for effect in [each for each in self._in_force if each not in wanted]:
            self._in_force.remove(effect)
            await self._enforce(effect, self._broken.end)
        for effect in dict.fromkeys(wanted):
            if effect not in self._in_force:
                self._in_force.append(effect)
                await self._enforce(effect, self._broken.begin)

    async def _enforce(self, effect: Lasting, change: Any) -> None:
        """One effect that has just come into force, or is no more."""
        if isinstance(effect, DaemonHalted):
            await self._halt(effect)
            return
        with self._reaper.leaving_children():
            await asyncio.to_thread(change, effect, tuple(self._in_force), self._view.plan)

    async def _halt(self, effect: DaemonHalted) -> None:
        """As all that holds this daemon wants it."""
        place = effect.namespace, effect.tunnel
        holds = [each for each in self._in_force if isinstance(each, DaemonHalted)]
        halts = [each.how for each in holds if (each.namespace, each.tunnel) == place]
        if effect.tunnel is not None:
            await self._tunnels.hold(effect.namespace, effect.tunnel, halts)
            return
        await self._speakers.hold(effect.namespace, halts)
        if any(map(ends, halts)):
            await asyncio.to_thread(_forget_routes, self._namespaces[effect.namespace])

    def _write(self, kind: str, name: str | None, fault: Fault, began: float) -> None:
        self._events.write(
            kind,
            at=began,
            name=name,
            fault=fault.kind,
            parameters=fault.parameters,
            text=fault.sentence,
            took_s=round(time.monotonic() - began, 6),
        )


def _forget_routes(namespace: NetworkNamespace) -> None:
    """A router that has lost its BGP process forwards by its routes no longer."""
    with Router(namespace) as router:
        router.flush_routes(RTPROT_MSEELAB)
