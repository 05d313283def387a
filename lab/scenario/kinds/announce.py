"""Announcing prefixes at a router, and taking them back."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import Field, model_validator

from lab.model.addresses import wrong
from lab.model.fields import AsNumber, CommunityText, Described, Network
from lab.scenario.kinds.base import Action, NamespaceName
from lab.scenario.running import RunningLab
from lab.scenario.words import listed, spaced

MOST_NAMED = 3
"""Prefixes that are named one by one; more are counted."""


class PrefixSeries(Described):
    """``count`` prefixes of one length, one after the other from ``first``."""

    first: Network
    count: Annotated[int, Field(ge=1, le=20000)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        room = (2**self.first.max_prefixlen - int(self.first.network_address)) // self._step
        if self.count > room:
            raise wrong(
                f"{self.count} prefixes from {self.first} run past the last address", f"at most {room}"
            )
        return self

    @property
    def _step(self) -> int:
        return int(self.first.num_addresses)

    def prefixes(self) -> list[IPv4Network | IPv6Network]:
        network = type(self.first)
        start = int(self.first.network_address)
        return [network((start + number * self._step, self.first.prefixlen)) for number in range(self.count)]


class _Prefixes(Action):
    """Prefixes of a router, one by one or as a series."""

    node: NamespaceName
    prefixes: tuple[Network, ...] = ()
    series: PrefixSeries | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.prefixes and self.series is None:
            raise wrong("needs prefixes, a series of them, or both", "such as prefixes: [10.99.0.0/24]")
        return self

    def all_prefixes(self) -> list[str]:
        return [str(prefix) for prefix in (*self.prefixes, *(self.series.prefixes() if self.series else ()))]

    def _named(self) -> str:
        texts = self.all_prefixes()
        return (
            listed(texts) if len(texts) <= MOST_NAMED else f"{len(texts)} prefixes, {texts[0]} to {texts[-1]}"
        )


class Originate(_Prefixes):
    """Announce prefixes as if this router had them, or had learned them from ``as_path``."""

    as_path: Annotated[tuple[AsNumber, ...], Field(max_length=32)] = ()
    communities: tuple[CommunityText, ...] = ()

    def do(self, lab: RunningLab) -> str:
        lab.originate(self.node, self.all_prefixes(), self.as_path, self.communities)
        path = f" with AS path {spaced(self.as_path)}" if self.as_path else ""
        return f"{self.node} announces {self._named()}{path}"


class Withdraw(_Prefixes):
    """Take announcements back, also those of the topology."""

    def do(self, lab: RunningLab) -> str:
        lab.withdraw(self.node, self.all_prefixes())
        return f"{self.node} withdraws {self._named()}"
