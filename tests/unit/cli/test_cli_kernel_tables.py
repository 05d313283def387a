"""The kernel's tables, read in the namespaces of this process."""

from __future__ import annotations

from lab.agent.fib import RTPROT_MSEELAB
from lab.probe.kernel import PROTOCOLS, main_table, neighbors


def test_our_routes_are_named_as_ours() -> None:
    assert PROTOCOLS[RTPROT_MSEELAB] == "bgp (mseelab)"


def test_reading_needs_no_rights_and_gives_whole_entries() -> None:
    for route in main_table():
        assert route.keys() == {"prefix", "family", "type", "protocol", "metric", "next_hops"}
    for entry in neighbors():
        assert entry.keys() == {"address", "mac", "interface", "state", "family"}
