"""What the reference topology promises, on the running lab."""

from __future__ import annotations

import re

import pytest
from lab_client import Lab

pytestmark = pytest.mark.everywhere

HOST, VM = "10.0.0.10", "10.17.1.4"
SECURE_VM = "10.2.0.4"
VPN_GATEWAYS = ("52.175.253.112", "52.175.250.191")
VPN_DEVICE = "203.0.113.110"
OTHER_SERVICE = "52.183.0.10"


def test_every_planned_session_is_established(reference: Lab) -> None:
    seen = reference.inspect()
    inside = [
        one for one in seen["bgp_sessions"] if "172.16.0.3" in (one["local_address"], one["peer_address"])
    ]
    outside = [one for one in seen["bgp_sessions"] if one not in inside]
    assert (len(outside), len(inside)) == (46, 4)
    assert {one["state"] for one in outside} == {"established"}
    # Without a data plane for tunnels there is no BGP in them.
    assert ({one["state"] for one in inside} == {"established"}) == (seen["dataplane"] is not None)


def test_inspect_keeps_its_contract(reference: Lab, backend: str) -> None:
    seen = reference.inspect()
    assert seen["lab"] == reference.name
    assert seen["state"] == "running"
    assert seen["backend"] == backend
    assert {"name", "vrf", "role", "state"} <= seen["nodes"][0].keys()
    assert {"name", "a", "b", "state"} <= seen["links"][0].keys()
    assert {link["state"] for link in seen["links"]} == {"up"}
    wanted = {"node", "vrf", "local_address", "peer_address", "local_asn", "peer_asn", "state"}
    assert wanted | {"prefixes_received", "uptime_s"} <= seen["bgp_sessions"][0].keys()


def test_host_and_vm_reach_each_other(reference: Lab) -> None:
    assert reference.reaches("app1", VM)
    assert reference.reaches("vm-corp", HOST)


@pytest.mark.parametrize(
    ("node", "far", "hop", "msees"),
    [
        ("app1", VM, 3, {"192.168.100.130", "192.168.100.134"}),
        ("vm-corp", HOST, 2, {"10.17.11.68", "10.17.11.69"}),
    ],
)
def test_flows_spread_over_both_msees(reference: Lab, node: str, far: str, hop: int, msees: set[str]) -> None:
    """A flow is a 5-tuple: among some UDP ports, both MSEEs answer "time exceeded"."""
    traced = reference.python(node, TRACE, far, str(hop)).stdout.split()
    assert set(traced) == msees


TRACE = """
import socket, sys
# One UDP datagram per port with the TTL of one hop; who answers "time exceeded" is that hop.
far, hop = sys.argv[1], int(sys.argv[2])
answers = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
answers.settimeout(0.3)
for port in range(33434, 33458):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
        probe.sendto(b"x", (far, port))
    try:
        print(answers.recvfrom(512)[1][0])
    except TimeoutError:
        pass
"""


def test_vnet_prefix_reaches_the_edge_with_path_12076_alone(reference: Lab) -> None:
    for edge in ("ce1/core", "ce2/core"):
        best = reference.best(edge, "10.17.0.0/16")
        assert best is not None
        assert best["as_path"] == [12076]


def test_subnets_are_never_advertised(reference: Lab) -> None:
    prefixes = {route["prefix"] for route in reference.routes("ce1/core")}
    assert "10.17.0.0/16" in prefixes
    assert not [prefix for prefix in prefixes if re.match(r"10\.17\..*/(2[0-9])$", prefix)]


def test_gateways_learn_on_premises_prefixes_over_both_msees(reference: Lab) -> None:
    for gateway in ("ergw-corp-0", "ergw-corp-1"):
        routes = [route for route in reference.routes(gateway) if route["prefix"] == "10.0.0.0/24"]
        assert {tuple(route["as_path"]) for route in routes} == {(12076, 65010)}
        assert {route["peer"] for route in routes} == {"msee1/private", "msee2/private"}


def test_vpn_addresses_reach_each_other_across_microsoft_peering(reference: Lab) -> None:
    for gateway in VPN_GATEWAYS:
        assert reference.reaches("vpn1", gateway)
    assert reference.reaches("vpngw-secure-0", VPN_DEVICE)


def test_nothing_else_of_the_region_gets_past_the_dmz(reference: Lab) -> None:
    assert reference.best("msee1/microsoft", "52.183.0.0/17") is not None
    assert reference.best("ce1/dmz", "52.175.192.0/18") is not None
    for router in ("ce1/dmz", "dmz1", "core1"):
        assert reference.best(router, "52.183.0.0/17") is None
    assert not reference.reaches("vpn1", OTHER_SERVICE)
    assert not reference.reaches("app1", OTHER_SERVICE)


def test_another_region_is_filtered_by_the_route_filter(reference: Lab) -> None:
    assert reference.best("msee1/microsoft", "52.168.0.0/16") is not None
    why = reference.json("why", "msee1/microsoft", "52.168.0.0/16")
    exports = {export["peer"]: export for export in why["exports"]}
    assert exports["ce1/dmz"]["advertised"] is False
    assert exports["msnet"]["advertised"] is False


def test_vnet_secure_is_reached_by_tunnel_or_not_at_all(reference: Lab) -> None:
    assert reference.reaches("vm-secure", "10.2.0.1"), "its own network answers"
    tunneled = reference.inspect()["dataplane"] is not None
    assert reference.reaches("app1", SECURE_VM) is tunneled
    assert (reference.best("core1", "10.2.0.0/24") is not None) is tunneled
    assert reference.best("msee1/private", "10.2.0.0/24") is None, "no business of the circuit"


def test_core_and_dmz_stay_apart(reference: Lab) -> None:
    assert reference.reaches("app1", "10.1.255.1"), "the core reaches its own routers"
    assert not reference.reaches("app1", VPN_DEVICE)
    assert not reference.reaches("dmz1", HOST)
    dropped = reference.execute("fw1", "nft", "list", "ruleset").stdout
    assert re.search(r"counter packets [1-9]", dropped), dropped


def test_exec_gives_the_exit_code_of_its_command(reference: Lab) -> None:
    assert reference.execute("app1", "sh", "-c", "exit 7").returncode == 7
    missing = reference.execute("app1", "no-such-command")
    assert missing.returncode == 2
    assert "no-such-command" in missing.stderr


def test_an_unknown_node_is_refused_with_the_known_ones(reference: Lab) -> None:
    done = reference.execute("app9", "true")
    assert done.returncode == 2
    assert "app1" in done.stderr
    assert "Traceback" not in done.stderr
