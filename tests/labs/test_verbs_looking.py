"""The verbs that look at a lab, on a running one: each says what is so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lab_client import Lab

pytestmark = pytest.mark.everywhere

AZURE, SITE = "10.17.0.0/16", "10.0.0.0/24"
VM = "10.17.1.4"
BRIDGED_ARE_FILTERED = Path("/proc/sys/net/bridge")


def text(lab: Lab, *words: str) -> str:
    done = lab.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def failure(lab: Lab, code: int, *words: str) -> str:
    done = lab.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    return done.stderr


# list, inspect


def test_the_lab_is_listed(basic: Lab, backend: str) -> None:
    (entry,) = [each for each in basic.json("list") if each["name"] == basic.name]
    assert (entry["state"], entry["topology"], entry["backend"]) == ("running", "expressroute-basic", backend)
    assert entry["nodes"] == len({node["name"] for node in basic.inspect()["nodes"]})
    assert 0 < entry["uptime_s"] < 3600


def test_inspect_for_people_names_all_that_inspect_for_programs_does(basic: Lab) -> None:
    seen, words = basic.inspect(), set(text(basic, "inspect").split())
    assert {node["name"] for node in seen["nodes"]} <= words
    assert {link["a"] for link in seen["links"]} <= words
    assert {session["peer_address"] for session in seen["bgp_sessions"]} <= words


# show


def test_routes_have_all_candidates_with_the_reason(basic: Lab) -> None:
    routes = basic.json("show", "routes", "ce1/core", AZURE)
    assert [(route["peer"], route["best"], route["reason"]) for route in routes] == [
        ("msee1/private", True, "external"),
        ("ce2/core", False, "external"),
    ]
    contract = {"prefix", "best", "next_hop", "peer", "as_path", "local_pref", "med", "communities", "reason"}
    assert contract <= routes[0].keys()


def test_paths_used_together_are_marked(basic: Lab) -> None:
    rows = text(basic, "show", "routes", "msee1", VM).splitlines()[1:]
    assert [row[0] for row in rows] == [">", "="]


def test_sessions_of_a_node_are_those_of_inspect(basic: Lab) -> None:
    shown: list[dict[str, Any]] = basic.json("show", "bgp", "msee1")
    inspected = [session for session in basic.inspect()["bgp_sessions"] if session["node"] == "msee1"]
    assert [session["peer_address"] for session in shown] == [s["peer_address"] for s in inspected]
    assert {session["state"] for session in shown} == {"established"}


def test_the_fib_says_who_installed_what(basic: Lab) -> None:
    fib = {route["prefix"]: route for route in basic.json("show", "fib", "vnet-corp")}
    assert fib[SITE]["protocol"] == "bgp (mseelab)"
    assert len(fib[SITE]["next_hops"]) == 2
    assert fib["10.17.1.0/24"]["protocol"] == "kernel"
    assert fib["10.17.1.0/24"]["next_hops"][0]["gateway"] is None
    assert (fib[AZURE]["protocol"], fib[AZURE]["type"]) == ("static", "blackhole")


def test_the_fib_agrees_with_ip_route(basic: Lab) -> None:
    by_ip = json.loads(basic.execute("ergw-corp-0", "ip", "-json", "route").stdout)
    shown = [
        route["prefix"] for route in basic.json("show", "fib", "ergw-corp-0") if route["family"] == "ipv4"
    ]
    assert sorted(shown) == sorted(route["dst"] for route in by_ip)


def test_arp_knows_whom_a_node_talks_to(basic: Lab) -> None:
    entries = {entry["address"]: entry for entry in basic.json("show", "arp", "core1")}
    assert entries["10.1.255.1"]["interface"] == "core"
    assert len(entries["10.1.255.1"]["mac"].split(":")) == 6


@pytest.mark.parametrize("table", ["fib", "arp"])
def test_kernel_tables_need_no_bgp_speaker(table: str, basic: Lab) -> None:
    assert basic.json("show", table, "pe1") is not None


@pytest.mark.parametrize("what", ["routes", "bgp", "tunnels", "arp", "fib"])
def test_an_unknown_node_is_answered_with_the_known_ones(what: str, basic: Lab) -> None:
    assert "there are: " in failure(basic, 2, "show", what, "nosuch")


@pytest.mark.skipif(not BRIDGED_ARE_FILTERED.exists(), reason="this kernel filters no bridged packets")
def test_a_switch_passes_on_what_a_router_would_filter(basic: Lab) -> None:
    """A host with br_netfilter hands bridged packets to the filters of IP."""
    drop = "table inet none { chain forward { type filter hook forward priority 0; policy drop; }; }"
    try:
        assert basic.execute("sw-core", "nft", drop).returncode == 0
        done = basic.execute("core1", "ping", "-c", "1", "-W", "2", "10.1.255.1")
    finally:
        basic.execute("sw-core", "nft", "delete table inet none")
    assert done.returncode == 0, done.stdout


def test_no_interface_has_the_number_of_its_peer(basic: Lab) -> None:
    """The kernel would tell its carrier late."""
    for node in ("sw-core", "ce1/core", "ce1", "vnet-corp"):
        links = json.loads(basic.execute(node, "ip", "-d", "-j", "link").stdout)
        wires = [each for each in links if each.get("linkinfo", {}).get("info_kind") == "veth"]
        assert wires
        assert [each["ifname"] for each in wires if each["ifindex"] == each["link_index"]] == []


# why


def test_why_follows_a_prefix_from_the_gateway_to_the_site(basic: Lab) -> None:
    told = text(basic, "why", "msee1", VM)
    assert told.startswith(f"{AZURE} on msee1/private, the longest match of {VM}\n")
    assert "from ergw-corp-0: " in told
    assert "best: ergw-corp-0, by " in told
    assert "  to ce1/core: next hop 192.168.100.130, AS path 12076" in told
    assert "not to ergw-corp-1: refused by export policy" in told


def test_why_as_json_has_the_whole_chain(basic: Lab) -> None:
    answer = basic.json("why", "ce1/core", AZURE)
    assert {"received", "decision", "fib", "exports"} <= answer.keys()
    assert answer["fib"]["installed"] is True


def test_the_speaker_survives_a_question_it_cannot_answer(basic: Lab) -> None:
    failure(basic, 2, "why", "ce1/core", "not-a-prefix")
    assert "knows nothing of 2001:db8::/32" in text(basic, "why", "ce1/core", "2001:db8::/32")


# graph, completion, start-up


def test_the_running_lab_can_be_drawn(basic: Lab, tmp_path: Path) -> None:
    path = tmp_path / "lab.svg"
    text(basic, "graph", "-o", str(path))
    drawn = ElementTree.parse(path).getroot()
    assert drawn.tag.endswith("svg")
    assert basic.name in path.read_text()


def test_bash_completes_the_labs_nodes(basic: Lab) -> None:
    script = f"""
        source <({sys.executable} -m lab completion bash)
        mseelab() {{ {sys.executable} -m lab "$@"; }}
        COMP_WORDS=(mseelab why msee) COMP_CWORD=2
        _mseelab_completion mseelab
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = os.environ | {"MSEELAB_NAME": basic.name}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["msee1", "msee1/private", "msee2", "msee2/private"]
