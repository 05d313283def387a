"""Security associations as charon lists them, as one answer per tunnel end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

ESTABLISHED, CONNECTING, DOWN = "established", "connecting", "down"

CARRYING = frozenset({"INSTALLED", "REKEYING", "REKEYED"})

LOOKS = 4
"""In a row that miss a tunnel which was established, before it is one no more."""


@dataclass(frozen=True, slots=True)
class Associations:
    """All of one tunnel end's. Counters are those of the ESP associations there are now, traffic
    selectors those of all of them."""

    state: str = DOWN
    bytes_in: int = 0
    bytes_out: int = 0
    packets_in: int = 0
    packets_out: int = 0
    ike_proposal: str | None = None
    esp_proposal: str | None = None
    established_s: int | None = None
    local_selectors: tuple[str, ...] = ()
    remote_selectors: tuple[str, ...] = ()

    def as_facts(self) -> dict[str, Any]:
        return asdict(self)


class Lister(Protocol):
    """What of charon's ``Session`` is needed to list associations."""

    async def streamed(self, command: str, event: str) -> list[dict[str, Any]]: ...


async def listed_by(session: Lister, before: Associations) -> list[dict[str, Any]]:
    """The ``list-sa`` events of ``list-sas``, for an end that was seen as ``before``. Raises BackendError.

    A tunnel that was established is missed only when it is so ``LOOKS`` times in a row: charon walks its
    table and waits for each association in use, so one IKE association that hands its children to the next
    may be listed after it did, and the next not at all.
    """
    for _ in range(LOOKS):
        listed = await session.streamed("list-sas", "list-sa")
        if before.state != ESTABLISHED or associations(listed).state == ESTABLISHED:
            break
    return listed


def associations(listed: Iterable[dict[str, Any]]) -> Associations:
    """From the ``list-sa`` events of ``list-sas``: each holds IKE associations by their connection's name.

    A tunnel is established when an ESP association carries packets, connecting when there is only
    an attempt.
    """
    ikes = [ike for event in listed for ike in event.values()]
    children = [
        (ike, child)
        for ike in ikes
        for child in ike.get("child-sas", {}).values()
        if child.get("state") in CARRYING
    ]
    if not children:
        return Associations(state=CONNECTING if ikes else DOWN)
    ike, newest = children[-1]
    counted = {key: sum(int(child.get(key, 0)) for _, child in children) for key in _COUNTERS}
    return Associations(
        state=ESTABLISHED,
        bytes_in=counted["bytes-in"],
        bytes_out=counted["bytes-out"],
        packets_in=counted["packets-in"],
        packets_out=counted["packets-out"],
        ike_proposal=_joined(ike, "encr-alg", "encr-keysize", "integ-alg", "prf-alg", "dh-group"),
        esp_proposal=_joined(newest, "encr-alg", "encr-keysize", "integ-alg", "dh-group"),
        established_s=int(ike.get("established", 0)),
        local_selectors=_selectors(children, "local-ts"),
        remote_selectors=_selectors(children, "remote-ts"),
    )


def barren(listed: Iterable[dict[str, Any]]) -> frozenset[str]:
    """The IKE associations that stand, carry nothing and are not at work to change that, by charon's
    number."""
    return frozenset(
        ike["uniqueid"]
        for event in listed
        for ike in event.values()
        if ike.get("state") == "ESTABLISHED" and not ike.get("child-sas") and not ike.get("tasks-active")
    )


_COUNTERS = ("bytes-in", "bytes-out", "packets-in", "packets-out")


def _joined(algorithms: dict[str, str], *keys: str) -> str:
    return "/".join(algorithms[key] for key in keys if key in algorithms)


def _selectors(children: Iterable[tuple[Any, dict[str, Any]]], key: str) -> tuple[str, ...]:
    """Each once: an association and the one that takes its place have the same."""
    return tuple(dict.fromkeys(selector for _, child in children for selector in child.get(key, ())))
