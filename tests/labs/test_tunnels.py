"""IPsec tunnels on running labs, on the wire and by hand: real charon, real ESP, BGP inside.

Needs a data plane: charon and /dev/net/tun. Where there is none, the lab comes up without tunnels,
which `test_a_lab_without_a_data_plane` asks for.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from lab_client import COMMAND, Lab, environment, eventually, mseelab, new_mark, unique
from scapy.layers.inet import IP, TCP
from test_transfers import carried
from tunnel_labs import (
    HOST,
    SECURE_VM,
    captured,
    device,
    folder_of,
    needs_data_plane,
    policy,
    rekeyed,
    replaced,
    secure,
    states,
    topology,
    tunnel,
)

from lab.probe.transfer import LONGEST, OPTIONS, Fate
from lab.runtime.control import Control
from lab.runtime.rundir import folder_of as run_folder_of
from lab.timing import PATIENCE

Start = Callable[..., Lab]
DPD_S = 9


@pytest.mark.everywhere
@needs_data_plane
def test_both_tunnels_are_up_with_bgp_inside(secured: Lab, plane: str) -> None:
    seen = secured.inspect()
    assert seen["dataplane"] == plane
    assert not any(one["errors"] for one in seen["tunnels"])
    assert len(seen["tunnels"]) == 4
    assert {one["state"] for one in seen["tunnels"]} == {"established"}
    inside = [one for one in seen["bgp_sessions"] if one["peer_address"] == "172.16.0.3"]
    assert {(one["node"], one["local_address"], one["state"]) for one in inside} == {
        ("vpngw-secure-0", "10.2.0.228", "established"),
        ("vpngw-secure-1", "10.2.0.229", "established"),
    }


@pytest.mark.everywhere
@needs_data_plane
def test_a_command_runs_where_the_ike_daemon_of_a_tunnels_end_is(secured: Lab) -> None:
    seen = tunnel(secured, "conn-secure-0", "vpn1")
    done = secured.execute("vpn1~vpngw-secure-0", "ip", "-j", "address", "show", "dev", "eth0")
    assert done.returncode == 0, done.stderr
    (port,) = json.loads(done.stdout)
    assert seen["local_address"] in {each["local"] for each in port["addr_info"]}
    refused = secured.execute("vpn1~nobody", "true")
    assert (refused.returncode, "is not a node" in refused.stderr) == (2, True), refused.stderr


@pytest.mark.everywhere
@needs_data_plane
def test_azures_first_proposals_are_chosen(secured: Lab) -> None:
    seen = tunnel(secured, "conn-secure-0", "vpn1")
    assert seen["ike_proposal"] == "AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"
    assert seen["esp_proposal"] == "AES_GCM_16/256"


@pytest.mark.everywhere
@needs_data_plane
def test_the_machine_behind_the_gateways_is_reached_by_both_tunnels(secured: Lab) -> None:
    assert secured.reaches("app1", SECURE_VM)
    assert secured.reaches("vm-secure", HOST)
    for node, prefix in (("vpn1", "10.2.0.0/24"), ("vnet-secure", "10.0.0.0/24")):
        assert _next_hops(secured, node, prefix) == {"10.2.0.228", "10.2.0.229"}


@pytest.mark.everywhere
@needs_data_plane
def test_flows_are_spread_over_both_tunnels(secured: Lab) -> None:
    before = {
        one["name"]: one["packets_out"] for one in secured.inspect()["tunnels"] if one["node"] == "vpn1"
    }
    secured.python("app1", FLOWS, SECURE_VM)
    after = {one["name"]: one["packets_out"] for one in secured.inspect()["tunnels"] if one["node"] == "vpn1"}
    grown = {name: after[name] - before[name] for name in after}
    assert all(packets >= 10 for packets in grown.values()), grown


FLOWS = """
import socket, sys
# 64 flows, one UDP datagram each.
for port in range(40000, 40064):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"x", (sys.argv[1], port))
"""


@pytest.mark.everywhere
@needs_data_plane
def test_new_keys_are_made_under_traffic_without_loss(secured: Lab) -> None:
    """ESP associations three times, the IKE association once, on both tunnels at the same time; and
    nothing was refused by either end."""
    refused = _refused(secured)
    words = ("ping", "-n", "-q", "-c", "800", "-i", f"{0.005 * PATIENCE:g}", SECURE_VM)
    traffic = subprocess.Popen(
        [*COMMAND, "exec", "app1", "--", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(secured.mark, MSEELAB_NAME=secured.name),
    )
    rekeyed(secured, children=3)
    assert traffic.poll() is None, "it went on all the time"
    said, _ = traffic.communicate(timeout=60 * PATIENCE)
    assert " 0% packet loss" in said, said
    assert _refused(secured) == refused


def _refused(lab: Lab) -> list[dict[str, int]]:
    """What the ends of all tunnels have, by the kernel's names where it counts (/proc/net/xfrm_stat)."""
    return [
        one["errors"]
        | {reason: count for reason, count in one.items() if reason.startswith("packets_dropped")}
        for one in sorted(lab.inspect()["tunnels"], key=lambda one: (one["name"], one["node"]))
    ]


@pytest.mark.everywhere
@needs_data_plane
def test_a_tunnel_is_not_seen_down_while_one_ike_association_takes_anothers_place(secured: Lab) -> None:
    """charon lists associations one by one, and moves what they carry meanwhile."""
    downs = _tunnel_downs(secured)
    asking = Event()
    with ThreadPoolExecutor() as pool:
        seen = pool.submit(_states_until, asking, secured.name)
        try:
            replaced(secured, REPLACEMENTS)
        finally:
            asking.set()
    assert seen.result() == {"established"}
    assert _tunnel_downs(secured) == downs


REPLACEMENTS = 40
"""At each of a few dozen the moment was met, with a look after the other."""


def _states_until(ended: Event, name: str) -> set[str]:
    """All states of tunnels that were seen."""
    seen: set[str] = set()
    with closing(Control(run_folder_of(name))) as control:
        while not ended.is_set():
            seen |= {one["state"] for one in control.ask("inspect")["tunnels"]}
    return seen


def _tunnel_downs(lab: Lab) -> int:
    return sum(one["kind"] == "tunnel-down" for one in lab.events())


@pytest.mark.everywhere
@needs_data_plane
def test_a_hundred_megabytes_arrive_as_sent_in_segments_that_fit(secured: Lab, tmp_path: Path) -> None:
    """The MSS that arrives at the far host is the published 1,350, both ways; ESP needs no fragments.

    Captures are of the first packets, so that they do not slow the rest down.
    """
    with (
        captured(secured, "vm-secure:eth0", "app1:eth0", folder=tmp_path, words=("-c", "50")) as ends,
        captured(secured, *PROVIDER, folder=_made(tmp_path / "wire"), words=("-c", "2000")) as wire,
    ):
        (done,) = carried(secured, destination=SECURE_VM, ports=1, length=LONGEST).connections
    assert done.fate is Fate.INTACT
    assert done.segment == 1350 - OPTIONS
    sizes = {
        (packet[IP].dst, dict(packet[TCP].options)["MSS"])
        for packet in ends
        if TCP in packet and packet[TCP].flags & 2 and packet.direction == 1
    }
    assert {(SECURE_VM, 1350), (HOST, 1350)} <= sizes
    assert max(len(packet[IP]) for packet in wire if IP in packet) > 1400, "full segments were seen"
    assert not [packet for packet in wire if IP in packet and (packet[IP].flags.MF or packet[IP].frag)]


PROVIDER = ("pe1:msee1-200", "pe2:msee2-200")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.everywhere
@needs_data_plane
def test_a_charon_that_dies_is_started_again_and_the_other_tunnel_carries_on(secured: Lab) -> None:
    def charons() -> list[int]:
        started = (one for one in secured.events() if one["kind"] == "daemon-started")
        return [one["pid"] for one in started if (one["daemon"], one["node"]) == ("charon", "vpngw-secure-0")]

    before = charons()
    secured.kill("vpngw-secure-0", before[-1])
    eventually("another one starts", lambda: len(charons()) > len(before))
    eventually("the tunnel is back", lambda: states(secured) == {"established"}, seconds=30)
    both = {"10.2.0.228", "10.2.0.229"}
    eventually("BGP is back", lambda: _next_hops(secured, "vpn1", "10.2.0.0/24") == both, seconds=30)
    eventually(
        "the gateway has routes", lambda: bool(_next_hops(secured, "vpngw-secure-0", "10.0.0.0/24")), 30
    )
    assert secured.reaches("app1", SECURE_VM)


def _next_hops(lab: Lab, node: str, prefix: str) -> set[str]:
    fib = [one for one in lab.json("show", "fib", node) if one["prefix"] == prefix]
    return {hop["gateway"] for one in fib for hop in one["next_hops"]}


@pytest.mark.everywhere
@needs_data_plane
def test_the_shared_key_is_nowhere_but_in_memory(tmp_path: Path, start_lab: Start) -> None:
    key = "k3y.Of.This+Test"

    def with_key(data: Any) -> None:
        secure(data)["shared_key"] = key

    lab = start_lab(str(topology(tmp_path, with_key)), "test-secret")
    files = [path for path in folder_of(lab).rglob("*") if path.is_file()]
    holders = [path for path in files if key.encode() in path.read_bytes()]
    assert [path.name for path in holders] == ["topology.yaml"]
    assert key not in lab.run("inspect", "-f", "json").stdout
    assert key not in mseelab("plan", str(tmp_path / "topology.yaml"), "-f", "json").stdout


MISMATCHES = {
    "keys": (
        lambda data: device(data).update(tunnels=[{"connection": "conn-secure", "shared_key": "another"}]),
        ("AUTHENTICATION_FAILED", "13801"),
    ),
    "ike": (
        lambda data: device(data).update(tunnels=[policy(dh_group="ECP384")]),
        ("IKE_SA_INIT: NO_PROPOSAL_CHOSEN", "13868"),
    ),
    "esp": (
        lambda data: (
            secure(data).update(ipsec_policies=policy()["ipsec_policies"]),
            device(data).update(tunnels=[policy(ipsec_encryption="AES256", ipsec_integrity="SHA256")]),
        ),
        ("IKE_AUTH: NO_PROPOSAL_CHOSEN",),
    ),
    "selectors": (
        lambda data: (
            secure(data).update(connection_mode="InitiatorOnly"),
            device(data).update(tunnels=[_selectors("10.99.0.0/16", "10.98.0.0/16", "ResponderOnly")]),
            secure(data).update(traffic_selector_policies=[_ranges("10.2.0.0/24", "10.0.0.0/24")]),
        ),
        ("TS_UNACCEPTABLE",),
    ),
}


def _ranges(local: str, remote: str) -> dict[str, Any]:
    return {"local_address_ranges": [local], "remote_address_ranges": [remote]}


def _selectors(local: str, remote: str, mode: str) -> dict[str, Any]:
    ranges = [_ranges(local, remote)]
    return {"connection": "conn-secure", "connection_mode": mode, "traffic_selector_policies": ranges}


@needs_data_plane
@pytest.mark.parametrize("case", MISMATCHES)
def test_ends_that_cannot_agree_stay_down_and_say_why(case: str, tmp_path: Path, start_lab: Start) -> None:
    change, words = MISMATCHES[case]
    lab = start_lab(str(topology(tmp_path, change)), f"test-{case}")
    eventually(
        "a tunnel end says why",
        lambda: any(
            all(word in (one["problem"] or "") for word in words) for one in lab.inspect()["tunnels"]
        ),
        seconds=30,
    )
    assert "established" not in states(lab)
    assert not lab.reaches("app1", SECURE_VM)
    lost = lab.execute("vpngw-secure-0", "ip", "route", "get", "172.16.0.3")
    assert lost.returncode != 0, f"BGP would leave unencrypted: {lost.stdout}"
    assert lab.reaches("app1", "10.17.1.4"), "private peering is none of its business"


@needs_data_plane
def test_two_devices_make_four_tunnels_and_one_may_go(start_lab: Start) -> None:
    """Dual redundancy: APIPA addresses and a custom policy on the second device's two tunnels."""
    lab = start_lab(str(Path(__file__).parents[1] / "golden" / "plans" / "dual-vpn.yaml"), "test-dual-vpn")
    assert len(lab.inspect()["tunnels"]) == 8
    assert states(lab) == {"established"}
    assert (
        tunnel(lab, "conn-secure-2-0", "vpn2")["ike_proposal"] == "AES_GCM_16/256/PRF_HMAC_SHA2_384/ECP_384"
    )
    devices = {"10.1.255.5", "10.1.255.6"}
    assert _next_hops(lab, "core1", "10.2.0.0/24") == devices
    assert lab.reaches("app1", SECURE_VM)
    lab.execute("vpn1", "ip", "link", "set", "eth0", "down")
    left = {"10.1.255.6"}
    eventually("the other device has it all", lambda: _next_hops(lab, "core1", "10.2.0.0/24") == left, 60)
    assert lab.reaches("app1", SECURE_VM)


@needs_data_plane
def test_static_routes_do_without_bgp(tmp_path: Path, start_lab: Start) -> None:
    """Both tunnels are up; the device's second one takes over when the first is out of use."""

    def static(data: Any) -> None:
        secure(data)["enable_bgp"] = False
        space = {"address_prefixes": ["10.0.0.0/24", "10.1.10.0/25"]}
        data["local_network_gateways"][0]["local_network_address_space"] = space

    lab = start_lab(str(topology(tmp_path, static)), "test-static")
    assert states(lab) == {"established"}
    assert lab.reaches("app1", SECURE_VM)
    assert lab.reaches("vm-secure", HOST)
    way = ("ip", "route", "get", SECURE_VM)
    assert "dev vpngw-secure-0" in lab.execute("vpn1", *way).stdout
    lab.execute("vpn1", "ip", "link", "set", "vpngw-secure-0", "down")
    eventually("the second takes over", lambda: "dev vpngw-secure-1" in lab.execute("vpn1", *way).stdout)


@needs_data_plane
def test_a_silent_peer_is_given_up_after_the_dpd_timeout(tmp_path: Path, start_lab: Start) -> None:
    """One instance goes silent; its tunnel goes down and the flows go on through the other."""

    def short(data: Any) -> None:
        secure(data)["dpd_timeout_seconds"] = DPD_S

    lab = start_lab(str(topology(tmp_path, short)), "test-dpd")
    lab.execute("vpngw-secure-0", "ip", "link", "set", "outside", "down")
    eventually(
        "DPD",
        lambda: tunnel(lab, "conn-secure-0", "vpn1")["state"] != "established",
        seconds=3 * DPD_S,
    )
    assert tunnel(lab, "conn-secure-1", "vpn1")["state"] == "established"
    eventually(
        "the survivor carries all", lambda: _next_hops(lab, "vpn1", "10.2.0.0/24") == {"10.2.0.229"}, 30
    )
    eventually("so do answers", lambda: lab.reaches("app1", SECURE_VM), 3 * DPD_S)
    kinds = [(one["kind"], one.get("tunnel")) for one in lab.events()]
    assert ("tunnel-down", "conn-secure-0") in kinds


@pytest.mark.skipif(os.geteuid() != 0, reason="takes /dev/net/tun away in a mount namespace of its own")
@pytest.mark.parametrize(("words", "code"), [((), 0), (("--dataplane", "userspace"), 3)])
def test_a_lab_without_a_data_plane_has_no_tunnels_and_says_how_to_get_them(
    words: tuple[str, ...], code: int
) -> None:
    """Everything but the tunnels is there; only who asks for a data plane by name gets an error."""
    lab = Lab(unique("test-without"), new_mark())
    up = [*COMMAND, "up", "expressroute-vpn", "--name", lab.name, *words]
    hide = 'mount --bind /dev/null /dev/net/tun && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, "sh", *up],
        capture_output=True,
        text=True,
        env=environment(lab.mark),
        timeout=100,
        check=False,
    )
    try:
        assert done.returncode == code, done.stderr
        assert "/dev/net/tun" in done.stderr
        assert "chmod" in done.stderr
        if code == 0:
            seen = lab.inspect()
            assert (seen["tunnels"], seen["dataplane"]) == ([], None)
            assert lab.reaches("app1", "10.17.1.4")
            assert not lab.reaches("app1", SECURE_VM)
            assert "app1 -- ping -c 3 10.17.1.4" in done.stdout
            assert SECURE_VM not in done.stdout
    finally:
        mseelab("down", "--name", lab.name)
