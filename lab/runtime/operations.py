"""What may be changed on a lab that runs: what its routers originate, and its plan.

A change is answered when the agents have taken it over; whether routes have followed is a
question of its own (``settled``). It outlives a speaker's process, as the plan itself does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from lab.bgp.route import Asn, Community, Prefix, parse_community
from lab.bgp.speaker import Origination, SpeakerConfig
from lab.errors import InputError
from lab.plan.changes import FEW, Changes, changes_between, first_few, originations_after
from lab.plan.tunnel_facts import without_tunnels
from lab.plan.types import Plan, Speaker
from lab.runtime.control import pack, unpack
from lab.runtime.events import EventLog
from lab.runtime.reaper import Reaper
from lab.runtime.speakers import Speakers
from lab.runtime.view import View
from lab.runtime.wiring import Wiring

LARGEST_ASN = 2**32 - 1

Json = dict[str, Any]


class Operations:
    """The part of the control socket that changes something. ``changing`` is held by whoever changes the
    lab, so that one does at a time; ``cut`` tells the namespaces in which a fault holds a port down."""

    def __init__(
        self,
        view: View,
        speakers: Speakers,
        wiring: Wiring,
        events: EventLog,
        reaper: Reaper,
        changing: asyncio.Lock,
        cut: Callable[[], Collection[str]],
    ) -> None:
        self._view = view
        self._speakers = speakers
        self._wiring = wiring
        self._events = events
        self._reaper = reaper
        self._changing = changing
        self._cut = cut

    async def answer(self, request: Json) -> Any:
        """Raises InputError for a request that cannot be met, BackendError when the kernel or a
        speaker's agent did not take it over."""
        match request:
            case {"do": "originate", "namespace": str(name), "prefixes": list(texts), **details}:
                return await self.originate(name, _originations(texts, details))
            case {"do": "withdraw", "namespace": str(name), "prefixes": list(texts)}:
                return await self.withdraw(name, _prefixes(texts))
            case {"do": "apply", "plan": str(packed)}:
                return await self.apply(unpack(packed, Plan))
            case _:
                raise InputError(
                    f"a request to {request['do']} lacks something",
                    hint="originate and withdraw need a namespace and prefixes, apply needs a plan",
                )

    async def originate(self, name: str, originations: list[Origination]) -> int:
        """Announce prefixes, or announce them otherwise; returns how many."""
        speaker = self._running(name)
        announced = {each.prefix: each for each in speaker.config.originations}
        announced |= {each.prefix: each for each in originations}
        self._write("originated", speaker, [each.prefix for each in originations])
        first = originations[0]
        await self._speakers.reconfigure(
            _originating(speaker, announced.values()),
            "originate",
            prefixes=[str(each.prefix) for each in originations],
            as_path=list(first.as_path),
            communities=list(first.communities),
        )
        return len(originations)

    async def withdraw(self, name: str, prefixes: list[Prefix]) -> int:
        """Announce prefixes no longer, whoever asked for them; returns how many."""
        speaker = self._running(name)
        announced = {each.prefix: each for each in speaker.config.originations}
        unknown = [prefix for prefix in prefixes if prefix not in announced]
        if unknown:
            raise InputError(
                f"{speaker.namespace} does not originate {_few(unknown)}",
                hint=f"it originates {_few(announced) or 'nothing'}",
            )
        for prefix in prefixes:
            announced.pop(prefix, None)
        self._write("withdrawn", speaker, prefixes)
        await self._speakers.reconfigure(
            _originating(speaker, announced.values()), "withdraw", prefixes=[str(each) for each in prefixes]
        )
        return len(prefixes)

    async def apply(self, plan: Plan) -> list[str]:
        """Turn the lab into that of ``plan``, all of it or nothing; returns what changed, a
        sentence each. The lab keeps its name, and what it was told to originate."""
        async with self._changing:
            old = self._view.plan
            if self._view.mechanisms.dataplane is None:
                plan = without_tunnels(plan)
            changes = changes_between(old, plan)
            self._refuse_routes_that_are_cut(changes)
            if changes.filters or changes.routes or changes.removed_routes:
                with self._reaper.leaving_children():
                    await asyncio.to_thread(self._wiring.change, changes)
            self._view.plan = replace(plan, name=old.name)
            self._wiring.follow(self._view.plan)
            if changes.sentences:
                self._events.write("applied", changes=list(changes.sentences))
            await self._reconfigure(old, changes)
            return list(changes.sentences)

    def _refuse_routes_that_are_cut(self, changes: Changes) -> None:
        """The kernel would not take them."""
        touched = {route.namespace for route in (*changes.routes, *changes.removed_routes)}
        cut = sorted(touched.intersection(self._cut()))
        if cut:
            raise InputError(
                f"static routes of {', '.join(cut)} change, where a fault holds a port down",
                hint="`mseelab fault clear` it first; `mseelab fault list` shows which",
            )

    async def _reconfigure(self, old: Plan, changes: Changes) -> None:
        """All agents are told before one is waited for, so that one that is down stops none."""
        told = [
            self._speakers.reconfigure(speaker, "configure", config=pack(speaker.config))
            for speaker in (self._with_own(old.speaker(new.namespace), new) for new in changes.speakers)
        ]
        for outcome in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _with_own(self, old: Speaker, new: Speaker) -> Speaker:
        """``new``, and what differs from the plan by request."""
        running = self._speakers[new.namespace].speaker.config.originations
        return _originating(new, originations_after(running, old.config, new.config))

    def _running(self, name: str) -> Speaker:
        return self._speakers[self._view.resolve(name, speaker=True)].speaker

    def _write(self, kind: str, speaker: Speaker, prefixes: list[Prefix]) -> None:
        first = [str(prefix) for prefix in prefixes[:FEW]]
        self._events.write(kind, speaker.namespace, count=len(prefixes), prefixes=first)


def _originating(speaker: Speaker, originations: Iterable[Origination]) -> Speaker:
    config: SpeakerConfig = replace(speaker.config, originations=tuple(originations))
    return replace(speaker, config=config)


def _originations(texts: list[Any], details: Json) -> list[Origination]:
    as_path = tuple(map(_asn, _list(details, "as_path")))
    communities = frozenset(map(_community, _list(details, "communities")))
    return [Origination(prefix, communities, as_path) for prefix in _prefixes(texts)]


def _list(details: Json, name: str) -> list[Any]:
    value = details.get(name) or []
    if not isinstance(value, list):
        raise InputError(f"{name} is no list: {value!r}")
    return value


def _prefixes(texts: list[Any]) -> list[Prefix]:
    """Each once, in order."""
    if not texts:
        raise InputError("no prefix was given")
    return list(dict.fromkeys(map(_prefix, texts)))


def _prefix(text: Any) -> Prefix:
    try:
        return ip_network(str(text))
    except ValueError as error:
        raise InputError(f"{text!r} is not a prefix: {error}", hint="for example 10.128.0.0/24") from None


def _asn(value: Any) -> Asn:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_ASN:
        raise InputError(f"{value!r} is not an AS number", hint=f"a number from 1 to {LARGEST_ASN}")
    return Asn(value)


def _community(text: Any) -> Community:
    try:
        return parse_community(str(text))
    except ValueError as error:
        raise InputError(str(error)) from None


def _few(prefixes: Iterable[Prefix]) -> str:
    return ", ".join(first_few([str(prefix) for prefix in prefixes]))
