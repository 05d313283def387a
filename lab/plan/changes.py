"""From one plan to another without building anything anew: what changes, or why it cannot.

A running lab takes over how its sessions are used (policies, limits), what its speakers
originate, packet filters, static routes, and what is only said about it. Everything else was
built and negotiated when it came up, and another plan of that is another lab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from lab.bgp.route import Prefix
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig
from lab.plan.errors import PlanError
from lab.plan.types import FilterAction, PacketFilter, Plan, Speaker, StaticRoute

T = TypeVar("T")

POLICIES = {"import_policy": "import policy from", "export_policy": "export policy towards"}
SESSION_SETTINGS = ("max_prefixes", "max_originations", "next_hop_self", "allow_own_as")
"""What of a ``Neighbor`` may change, beside its policies and ``timers.restart``."""

NEGOTIATED = tuple(
    field.name
    for field in fields(Neighbor)
    if field.name not in (*POLICIES, *SESSION_SETTINGS, "name", "timers")
)
NEGOTIATED_TIMERS = ("keepalive", "hold")

SPEAKER_SETTINGS = ("maximum_paths", "origination_weight")
"""What of a ``SpeakerConfig`` may change, beside its originations."""

FEW = 5
"""How many of many a sentence names."""


@dataclass(frozen=True, slots=True)
class Changes:
    """``sentences`` for people; the rest is what to do, each value complete and new.

    ``speakers`` and ``filters`` take the place of those in the same namespace, ``routes`` of
    a route to the same prefix there.
    """

    sentences: tuple[str, ...]
    speakers: tuple[Speaker, ...] = ()
    filters: tuple[PacketFilter, ...] = ()
    routes: tuple[StaticRoute, ...] = ()
    removed_routes: tuple[StaticRoute, ...] = ()


def changes_between(old: Plan, new: Plan) -> Changes:
    """What turns the lab of ``old`` into that of ``new``; their names do not matter.

    Raises PlanError, naming the first few differences, when it takes another lab.
    """
    refused = list(_refused(old, new))
    if refused:
        raise PlanError(
            "\n  ".join(["this cannot change in a lab that runs:", *first_few(refused)]),
            hint="`mseelab down` and `mseelab up` build it anew",
        )
    speakers = [(old.speaker(each.namespace), each) for each in new.speakers]
    routes, removed_routes = _routes(old, new)
    filters = tuple(_filters(old, new))
    return Changes(
        sentences=(
            *(sentence for before, after in speakers for sentence in _speaker(before, after)),
            *(f"{each.namespace}: packet filter" for each in filters),
            *_route_sentences(old, routes, removed_routes),
            *_said(old, new),
        ),
        speakers=tuple(after for before, after in speakers if before != after),
        filters=filters,
        routes=routes,
        removed_routes=removed_routes,
    )


def originations_after(
    running: Iterable[Origination], old: SpeakerConfig, new: SpeakerConfig
) -> tuple[Origination, ...]:
    """What a speaker originates after the change from ``old`` to ``new``.

    ``running`` is what it originates now: where it was told to differ from its plan it goes on
    to, but for the prefixes that the two plans themselves differ about.
    """
    before = {each.prefix: each for each in old.originations}
    after = {each.prefix: each for each in new.originations}
    kept = {each.prefix: each for each in running}
    for prefix in before | after:
        if before.get(prefix) == after.get(prefix):
            continue
        if prefix in after:
            kept[prefix] = after[prefix]
        else:
            kept.pop(prefix, None)
    return tuple(kept.values())


# What cannot change.


def _refused(old: Plan, new: Plan) -> Iterator[str]:
    yield from _differences("node", old.nodes, new.nodes, lambda one: one.name)
    yield from _differences("namespace", old.namespaces, new.namespaces, lambda one: one.name)
    yield from _differences("wire", old.wires, new.wires, lambda one: one.name)
    yield from _differences("tag", old.sub_interfaces, new.sub_interfaces, _interface)
    yield from _differences("bridge", old.bridges, new.bridges, _interface)
    yield from _differences(
        "address", old.addresses, new.addresses, lambda one: f"{_interface(one)} {one.address}"
    )
    yield from _differences("translation", old.translations, new.translations, _interface)
    yield from _differences("tunnel", old.tunnels, new.tunnels, lambda end: f"{end.name} at {end.namespace}")
    yield from _differences("speaker", _fixed_speakers(old), _fixed_speakers(new), lambda one: one.name)
    yield from _differences("session", _fixed_sessions(old), _fixed_sessions(new), lambda one: one.name)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What of a speaker or a session cannot change, by name."""

    name: str
    facts: dict[str, Any]


def _fixed_speakers(plan: Plan) -> Iterator[_Fixed]:
    for speaker in plan.speakers:
        config = speaker.config
        yield _Fixed(speaker.namespace, {"asn": config.asn, "bgp_identifier": config.bgp_identifier})


def _fixed_sessions(plan: Plan) -> Iterator[_Fixed]:
    for speaker in plan.speakers:
        for neighbor in speaker.config.neighbors:
            facts = {name: getattr(neighbor, name) for name in NEGOTIATED}
            facts |= {f"timers.{name}": getattr(neighbor.timers, name) for name in NEGOTIATED_TIMERS}
            yield _Fixed(f"{speaker.namespace} - {neighbor.name}", facts)


def _interface(one: Any) -> str:
    return f"{one.namespace}:{one.ifname}"


def _differences(kind: str, old: Iterable[T], new: Iterable[T], name_of: Callable[[T], str]) -> Iterator[str]:
    """Of things with names: which are new, which are gone, which facts of the others differ.
    Names of facts only, since a fact may be a key."""
    before, after = ({name_of(one): one for one in plan} for plan in (old, new))
    yield from (f"{kind} {name}: added" for name in after if name not in before)
    for name, one in before.items():
        if name not in after:
            yield f"{kind} {name}: removed"
        elif one != after[name]:
            facts, others = _facts(one), _facts(after[name])
            yield f"{kind} {name}: {', '.join(key for key in facts if facts[key] != others[key])}"


def _facts(one: Any) -> dict[str, Any]:
    if isinstance(one, _Fixed):
        return one.facts
    return {field.name: getattr(one, field.name) for field in fields(one)}


# What can.


def _speaker(old: Speaker, new: Speaker) -> Iterator[str]:
    where, before, after = new.namespace, old.config, new.config
    yield from (f"{where}: {change}" for change in _settings(before, after, SPEAKER_SETTINGS))
    yield from _originations(where, before, after)
    for neighbor in after.neighbors:
        yield from _session(where, before.neighbor(neighbor.name), neighbor)


def _session(where: str, old: Neighbor, new: Neighbor) -> Iterator[str]:
    for name, words in POLICIES.items():
        if getattr(old, name) != getattr(new, name):
            yield f"{where}: {words} {new.name}"
    for change in (
        *_settings(old, new, SESSION_SETTINGS),
        *(f"timers.{each}" for each in _settings(old.timers, new.timers, ("restart",))),
    ):
        yield f"{where} - {new.name}: {change}"


def _settings(old: object, new: object, names: Iterable[str]) -> Iterator[str]:
    """``maximum_paths: 8 -> 1``."""
    for name in names:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name}: {_plain(before)} -> {_plain(after)}"


def _plain(value: object) -> str:
    words: dict[object, str] = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _originations(where: str, old: SpeakerConfig, new: SpeakerConfig) -> Iterator[str]:
    before = {each.prefix: each for each in old.originations}
    after = {each.prefix: each for each in new.originations}
    for verb, prefixes in (
        ("originates", [prefix for prefix in after if prefix not in before]),
        ("no longer originates", [prefix for prefix in before if prefix not in after]),
        ("originates otherwise", [p for p in after if p in before and before[p] != after[p]]),
    ):
        if prefixes:
            yield f"{where}: {verb} {', '.join(first_few([str(prefix) for prefix in prefixes]))}"


def _filters(old: Plan, new: Plan) -> Iterator[PacketFilter]:
    """A namespace that has none any more gets one that lets everything pass."""
    before = {each.namespace: each for each in old.filters}
    after = {each.namespace: each for each in new.filters}
    for namespace in before | after:
        wanted = after.get(namespace) or PacketFilter(namespace, (), default=FilterAction.ACCEPT)
        if wanted != before.get(namespace):
            yield wanted


def _by_place(plan: Plan) -> dict[tuple[str, Prefix, bool], StaticRoute]:
    """In a kernel's table the one of last resort stands beside another to its prefix."""
    return {_place(route): route for route in plan.static_routes}


def _place(route: StaticRoute) -> tuple[str, Prefix, bool]:
    return route.namespace, route.prefix, route.last_resort


def _routes(old: Plan, new: Plan) -> tuple[tuple[StaticRoute, ...], tuple[StaticRoute, ...]]:
    before, after = _by_place(old), _by_place(new)
    set_anew = tuple(route for key, route in after.items() if before.get(key) != route)
    return set_anew, tuple(route for key, route in before.items() if key not in after)


def _route_sentences(
    old: Plan, routes: Iterable[StaticRoute], removed: Iterable[StaticRoute]
) -> Iterator[str]:
    before = _by_place(old)
    for route in routes:
        how = "changed" if _place(route) in before else "added"
        yield f"{route.namespace}: static route to {route.prefix} {how}"
    yield from (f"{route.namespace}: static route to {route.prefix} removed" for route in removed)


def _said(old: Plan, new: Plan) -> Iterator[str]:
    if old.description != new.description:
        yield "the description"
    if old.suggestions != new.suggestions:
        yield "the suggestions"
    if set(old.expected_down) != set(new.expected_down):
        yield "which sessions are expected to be down"
    if set(old.tunnels_down) != set(new.tunnels_down):
        yield "which tunnels are expected to be down"


def first_few(texts: list[str]) -> list[str]:
    """So many that a person reads them, and how many more there are."""
    rest = len(texts) - FEW
    return texts if rest <= 0 else [*texts[:FEW], f"and {rest} more"]
