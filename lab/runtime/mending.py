"""Mending a lab around a node that has gone and come again, as a container does that was restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from lab.errors import BackendError
from lab.runtime.events import EventLog
from lab.runtime.faults import Faults
from lab.runtime.netns import NetworkNamespace
from lab.runtime.reaper import Reaper
from lab.runtime.tunnels import Tunnels
from lab.runtime.view import View
from lab.runtime.wiring import Wiring


class Mending:
    """``Mender``: links, addresses, routes and filters are built again, faults that hold are put into force
    again, and tunnels begin anew. ``changing`` is held by whoever changes the lab."""

    def __init__(
        self,
        namespaces: Mapping[str, NetworkNamespace],
        wiring: Wiring,
        view: View,
        tunnels: Tunnels,
        faults: Faults,
        events: EventLog,
        reaper: Reaper,
        changing: asyncio.Lock,
    ) -> None:
        self._namespaces = namespaces
        self._wiring = wiring
        self._view = view
        self._tunnels = tunnels
        self._faults = faults
        self._events = events
        self._reaper = reaper
        self._changing = changing

    async def gone(self, name: str) -> None:
        """The container is; the namespace is there for as long as we hold it."""
        self._events.write("node-gone", name)
        self._view.forget(name)
        try:
            async with self._changing:
                await asyncio.to_thread(self._wiring.remove, name)
        except (BackendError, OSError) as error:
            self.failed(name, str(error))
        self._namespaces[name].leave()

    async def back(self, name: str) -> None:
        """All of it, or nothing that a second try would meet."""
        async with self._changing:
            with self._reaper.leaving_children():
                try:
                    await self._build(name)
                except (BackendError, OSError):
                    await asyncio.to_thread(self._wiring.remove, name)
                    raise
        self._view.renew(name)
        self._events.write("node-back", name)

    async def _build(self, name: str) -> None:
        namespace = self._namespaces[name]
        laid = await asyncio.to_thread(self._wiring.add, {name: namespace})
        await self._faults.again(laid)
        await self._tunnels.router_back(namespace)

    def failed(self, name: str, problem: str) -> None:
        self._events.write("node-failed", name, text=problem)
