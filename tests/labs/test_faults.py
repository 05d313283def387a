"""Faults on a running lab: each is seen by what it breaks, and its end by the lab being as before."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest
from lab_client import Lab, bearable, eventually, marked_processes, mseelab, new_mark, unique
from tunnel_labs import needs_data_plane, tunnel

from lab.errors import BackendError, InputError
from lab.fault.effects import Fault, PortDown
from lab.plan.types import Endpoint, Plan
from lab.probe.child import in_child
from lab.probe.joining import join
from lab.runtime.control import Control, pack, unpack
from lab.runtime.process import node_environment
from lab.runtime.rundir import folder_of

pytestmark = pytest.mark.everywhere

EDGE, MSEE, PRIVATE = "ce1/core", "msee1/private", "pe1--msee1"
MSEE_ADDRESS, EDGE_ADDRESS = "192.168.100.130", "192.168.100.129"
HOST, VM = "app1", "10.17.1.4"
SWITCH, HOST_LINK, OUTSIDE = "ce1--sw-core", "app1--core1", "vpngw-secure-0--msnet"
TUNNEL, DEVICE, GATEWAY = "conn-secure-0", "vpn1", "vpngw-secure-0"
INNER = "10.2.0.228"
"""The gateway's BGP address, inside its tunnel."""
ROUTES_ONLY = ("dst", "gateway", "dev", "nexthops", "protocol", "type", "metric", "table", "flags")
LINKS_ONLY = ("ifname", "flags", "mtu", "master", "gso_max_segs", "address", "protodown")


@pytest.fixture(scope="module")
def lab(module_lab: Callable[[str, str], Lab]) -> Lab:
    return module_lab("expressroute-vpn", "test-faults")


@pytest.fixture(scope="module")
def dual_stack(module_lab: Callable[[str, str], Lab]) -> Lab:
    return module_lab("dual-stack", "test-faults-six")


@pytest.fixture(scope="module")
def module_lab(backend: str) -> Iterator[Callable[[str, str], Lab]]:
    """``module_lab(topology, name)``: one for all tests here, each of which leaves it whole."""
    started: list[Lab] = []

    def start(topology: str, name: str) -> Lab:
        lab = Lab(unique(name), new_mark())
        started.append(lab)
        with bearable(topology) as borne:
            done = mseelab("up", borne, "--name", lab.name, "--backend", backend, mark=lab.mark)
        assert done.returncode == 0, done.stdout + done.stderr
        return lab

    yield start
    for lab in started:
        mseelab("down", "--name", lab.name)
        eventually(f"nothing is left of {lab.name}", lambda lab=lab: not marked_processes(lab.mark))


@pytest.fixture(autouse=True)
def whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves a fault to the next one."""
    yield
    for name in ("lab", "dual_stack"):
        if name in request.fixturenames:
            one: Lab = request.getfixturevalue(name)
            one.run("fault", "clear", "--all")
            eventually("all is up again", lambda one=one: _is_whole(one), 90)


def _is_whole(lab: Lab) -> bool:
    seen = lab.inspect()
    states = {each["state"] for part in ("bgp_sessions", "tunnels") for each in seen[part]}
    up = {each["state"] for part in ("nodes", "links") for each in seen[part]}
    return states == {"established"} and up == {"running", "up"}


def fault(lab: Lab, kind: str, *parameters: str, name: str | None = None) -> str:
    """Apply it; returns its name."""
    words = ("--as", name) if name else ()
    applied: dict[str, Any] = lab.json("fault", "apply", *words, kind, *parameters)
    return str(applied["name"])


@contextmanager
def faulty(lab: Lab, kind: str, *parameters: str) -> Iterator[None]:
    name = fault(lab, kind, *parameters)
    yield
    done = lab.run("fault", "clear", name)
    assert done.returncode == 0, done.stderr


def session(lab: Lab, node: str, neighbor: str) -> dict[str, Any]:
    found = lab.json("show", "bgp", node)
    return next(each for each in found if each["neighbor"] == neighbor)


def is_up(lab: Lab, node: str, neighbor: str) -> bool:
    return bool(session(lab, node, neighbor)["state"] == "established")


def flags(lab: Lab, node: str, ifname: str) -> set[str]:
    (link,) = json.loads(lab.execute(node, "ip", "-j", "link", "show", ifname).stdout)
    return set(link["flags"])


def kernel_state(lab: Lab) -> dict[str, Any]:
    """Links, addresses, rules, routes and packet filters of every namespace."""
    with closing(Control(folder_of(lab.name))) as control:
        names = [namespace.name for namespace in unpack(control.ask("plan"), Plan).namespaces]
        return {name: in_child(lambda name=name: _joined_state(control, name)) for name in names}


ASKED = (
    "ip -j -d link; ip -j addr; ip -j rule; ip -j route show table all; ip -j -6 route show table all; "
    "nft -s list ruleset"
)


def _joined_state(control: Control, node: str) -> dict[str, Any]:
    join(control, node)
    said = subprocess.run(
        ["sh", "-c", ASKED], capture_output=True, text=True, check=True, env=node_environment()
    ).stdout
    links, addresses, rules, *routes, filters = said.split("\n", 5)
    # A tunnel's device is new with its daemon, and so is the link-local address it makes up.
    made_anew = {link["ifname"] for link in json.loads(links) if link.get("link_type") == "none"}
    seen = {
        "links": [{key: link.get(key) for key in LINKS_ONLY} for link in json.loads(links)],
        "addresses": [
            (link["ifname"], address["local"], address["prefixlen"], address.get("nodad"))
            for link in json.loads(addresses)
            for address in link["addr_info"]
            if address["scope"] != "link" or link["ifname"] not in made_anew
        ],
        "rules": json.loads(rules),
        "filters": filters,
    }
    for number, family in enumerate(routes):
        lines = ({key: route.get(key) for key in ROUTES_ONLY} for route in json.loads(family))
        lines = (line for line in lines if line["dev"] not in made_anew or "fe80::" not in line["dst"])
        seen[f"routes {number}"] = sorted(json.dumps(line) for line in lines)
    return seen


def _state_of_node(lab: Lab, node: str) -> Any:
    with closing(Control(folder_of(lab.name))) as control:
        return in_child(lambda: _joined_state(control, node))


def settled(lab: Lab) -> None:
    eventually("the lab is whole", lambda: _is_whole(lab), 90)


def events(lab: Lab, node: str, kind: str, **facts: Any) -> list[dict[str, Any]]:
    return [
        event
        for event in lab.events()
        if (event["kind"], event.get("node")) == (kind, node) and facts.items() <= event.items()
    ]


def fault_event(lab: Lab, kind: str) -> dict[str, Any]:
    """The last one."""
    return [event for event in lab.events() if event["kind"] == kind][-1]


# --- links ---


def test_a_cut_link_is_seen_by_both_ends_and_their_sessions_end_at_once(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "link_down", f"link={PRIVATE}"):
        assert "LOWER_UP" not in flags(lab, "msee1", "to-pe1") | flags(lab, "pe1", "to-msee1")
        assert "LOWER_UP" not in flags(lab, MSEE, "er100") | flags(lab, "pe1", "msee1-100")
        down = events(lab, MSEE, "session-down", neighbor=EDGE)[-1]
        assert down["reason"] == "the interface lost its carrier"
        (link,) = [each for each in lab.inspect()["links"] if each["name"] == PRIVATE]
        assert link["state"] == "down"
        # Its edge is beyond the provider's, and waits its hold time.
        eventually("packets go the other way", lambda: lab.reaches(HOST, VM), 30)
    settled(lab)
    assert lab.reaches(EDGE, MSEE_ADDRESS)


def test_a_silent_loss_leaves_the_carriers_and_the_sessions_to_their_hold_time(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "link_down", f"link={PRIVATE}", "carrier=keep"):
        assert "LOWER_UP" in flags(lab, "msee1", "to-pe1") & flags(lab, MSEE, "er100")
        assert not lab.reaches(EDGE, MSEE_ADDRESS)
        eventually("the hold time is over", lambda: not is_up(lab, MSEE, EDGE), 30)
        assert "Hold timer expired" in session(lab, MSEE, EDGE)["last_error"]
    settled(lab)
    assert lab.reaches(EDGE, MSEE_ADDRESS)


def test_one_direction_may_be_lost_alone(lab: Lab) -> None:
    def heard() -> int:
        lines = lab.execute(MSEE, "cat", "/proc/net/snmp").stdout.splitlines()
        names, values = (line.split() for line in lines if line.startswith("Icmp:"))
        return int(values[names.index("InEchos")])

    with faulty(lab, "link_down", "link=msee1/private:er100", "carrier=keep", "toward=pe1"):
        before = heard()
        assert not lab.reaches(EDGE, MSEE_ADDRESS)
        assert heard() > before


def test_long_packets_vanish_and_short_ones_pass(lab: Lab) -> None:
    def echoed(size: int) -> tuple[bool, str]:
        command = ("ping", "-n", "-M", "do", "-s", str(size), "-c", "3", "-i", "0.1", "-W", "1", VM)
        done = lab.execute(HOST, *command)
        return done.returncode == 0, done.stdout

    with faulty(lab, "mtu", "link=vm-corp--vnet-corp", "mtu=1200"):
        assert echoed(1200 - 28)[0]
        through, said = echoed(1200 - 27)
        assert not through
        assert "Frag" not in said, "nobody says why"
    assert echoed(1300)[0]


SERVE = "import socket; s=socket.create_server(('', 5001)); c,_=s.accept(); n=0\n"
SERVE += "while d:=c.recv(1<<16): n+=len(d)\nprint(n)"
SEND = "import socket,sys; s=socket.create_connection((sys.argv[1],5001),10); s.settimeout(10)\n"
SEND += "s.sendall(bytes(1<<20))"


def test_a_stream_whose_segments_fit_passes(lab: Lab) -> None:
    """The kernels of a lab hand each other many segments in one packet, which no wire would."""
    with faulty(lab, "mtu", "link=vm-corp--vnet-corp", "mtu=1500"):
        server = lab.python_started("vm-corp", SERVE)
        eventually("it listens", lambda: ":5001" in lab.execute("vm-corp", "ss", "-ltn").stdout)
        sent = lab.python(HOST, SEND, VM)
        assert sent.returncode == 0, sent.stderr
        assert server.communicate(timeout=20)[0].strip() == str(1 << 20)


# --- protocols ---


def test_bgp_is_dropped_and_nothing_else(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "drop_protocol", f"link={PRIVATE}", "protocol=bgp"):
        eventually("the hold time is over", lambda: not is_up(lab, EDGE, MSEE), 30)
        assert lab.reaches(EDGE, MSEE_ADDRESS)


def test_icmp_is_dropped_and_nothing_else(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "drop_protocol", "link=msee1/private:er100", "protocol=icmp"):
        assert not lab.reaches(EDGE, MSEE_ADDRESS)
        assert is_up(lab, EDGE, MSEE)


@needs_data_plane
def test_without_esp_the_tunnel_stands_and_carries_nothing(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "drop_protocol", f"link={OUTSIDE}", "protocol=esp"):
        assert not lab.reaches(DEVICE, INNER)
        assert tunnel(lab, TUNNEL, DEVICE)["state"] == "established"
    eventually("it carries again", lambda: lab.reaches(DEVICE, INNER), 20)


@needs_data_plane
def test_without_ike_a_tunnel_carries_and_does_not_come_back(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "drop_protocol", f"link={OUTSIDE}", "protocol=ike"):
        assert lab.reaches(DEVICE, INNER)
        lab.json("fault", "apply", "delete_sa", f"node={DEVICE}", f"tunnel={TUNNEL}", "told=false")
        eventually("it is gone", lambda: tunnel(lab, TUNNEL, DEVICE)["state"] != "established")
        assert not lab.reaches(DEVICE, INNER)
        assert tunnel(lab, TUNNEL, DEVICE)["state"] != "established"
    settled(lab)


@needs_data_plane
def test_the_inside_of_a_tunnel_is_a_link_too(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "link_down", f"link={TUNNEL}", "carrier=keep"):
        assert not lab.reaches(DEVICE, INNER)
        assert tunnel(lab, TUNNEL, DEVICE)["state"] == "established"


# --- daemons ---


@pytest.mark.parametrize(("how", "state"), [("stop", "stopped"), ("kill", "stopped"), ("freeze", "frozen")])
def test_a_daemon_does_nothing_until_it_is_let(lab: Lab, how: str, state: str) -> None:
    settled(lab)
    with faulty(lab, "daemon_stop", f"node={MSEE}", f"how={how}"):
        (node,) = [
            each for each in lab.inspect()["nodes"] if (each["name"], each["vrf"]) == ("msee1", "private")
        ]
        assert node["state"] == state
        assert session(lab, MSEE, EDGE)["state"] == "idle"
        assert session(lab, MSEE, EDGE)["last_error"] == f"its BGP daemon is {state}"
        eventually("its peer has lost it", lambda: not is_up(lab, EDGE, MSEE), 30)
        told = "notification received (6,2)" in events(lab, EDGE, "session-down", neighbor=MSEE)[-1]["reason"]
        assert told is (how == "stop"), "only who is asked takes leave"
        routes = lab.execute(MSEE, "ip", "route", "show", "proto", "201").stdout
        assert bool(routes) is (how == "freeze"), "nobody forwards by routes of a process that is gone"
    settled(lab)
    starts = [event["time"] for event in events(lab, MSEE, "daemon-started")]
    applied, cleared = fault_event(lab, "fault-applied")["time"], fault_event(lab, "fault-cleared")["time"]
    assert not [time for time in starts if applied < time < cleared]


@needs_data_plane
@pytest.mark.parametrize(("how", "state"), [("stop", "stopped"), ("kill", "stopped"), ("freeze", "frozen")])
def test_an_ike_daemon_does_nothing_until_it_is_let(lab: Lab, how: str, state: str) -> None:
    settled(lab)
    with faulty(lab, "daemon_stop", f"node={DEVICE}", f"tunnel={GATEWAY}", f"how={how}"):
        assert tunnel(lab, TUNNEL, DEVICE)["state"] == state
        assert not lab.reaches(DEVICE, INNER)
        peer_lost_it = tunnel(lab, TUNNEL, GATEWAY)["state"] != "established"
        assert peer_lost_it is (how == "stop"), "only who is asked takes leave"
        if how != "freeze":
            for what in ("state", "policy"):
                assert not lab.execute(f"{DEVICE}~{GATEWAY}", "ip", "xfrm", what).stdout, "nobody renews it"
    settled(lab)
    assert lab.reaches(DEVICE, INNER)


def test_originations_of_a_stopped_speaker_are_there_when_it_starts(lab: Lab) -> None:
    settled(lab)
    with (
        faulty(lab, "daemon_stop", "node=core1", "how=kill"),
        closing(Control(folder_of(lab.name))) as control,
    ):
        control.ask("originate", namespace="core1", prefixes=["10.99.0.0/24"])
    eventually("it is announced", lambda: lab.best(EDGE, "10.99.0.0/24") is not None, 20)
    with closing(Control(folder_of(lab.name))) as control:
        control.ask("withdraw", namespace="core1", prefixes=["10.99.0.0/24"])


# --- nodes ---


@needs_data_plane
def test_a_gateway_instance_that_is_down_is_replaced_by_the_other(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "node_down", f"node={GATEWAY}"):
        assert "LOWER_UP" not in flags(lab, "msnet", GATEWAY)
        assert tunnel(lab, TUNNEL, GATEWAY)["state"] == "stopped"
        eventually("the other carries all", lambda: lab.reaches("vm-secure", "10.0.0.10"), 60)
    settled(lab)


# --- security associations ---


@needs_data_plane
@pytest.mark.parametrize(("association", "told"), [("ike", "false"), ("ike", "true"), ("child", "true")])
def test_a_deleted_association_is_told_of_or_not(lab: Lab, association: str, told: str) -> None:
    settled(lab)
    heard, made = _said(lab, GATEWAY, DEVICE, "received DELETE"), _said(lab, DEVICE, GATEWAY, NEW)
    words = (f"node={DEVICE}", f"tunnel={TUNNEL}", f"association={association}", f"told={told}")
    assert lab.json("fault", "apply", "delete_sa", *words)["name"] is None
    eventually("there is a new one", lambda: _said(lab, DEVICE, GATEWAY, NEW) > made, 40)
    settled(lab)
    assert (_said(lab, GATEWAY, DEVICE, "received DELETE") > heard) is (told == "true")


NEW = "established with SPIs"


def _said(lab: Lab, node: str, peer: str, words: str) -> int:
    """How often the charon of that end has said so."""
    return folder_of(lab.name).log(f"charon.{node}~{peer}").read_text().count(words)


# --- all or nothing, in any order, exactly ---


def test_overlapping_faults_end_in_any_order_and_leave_nothing(lab: Lab) -> None:
    settled(lab)
    before = kernel_state(lab)
    cut = fault(lab, "link_down", f"link={PRIVATE}")
    node = fault(lab, "node_down", "node=msee1")
    silent = fault(lab, "link_down", f"link={PRIVATE}", "carrier=keep", name="silent")
    bgp = fault(lab, "drop_protocol", f"link={PRIVATE}", "protocol=bgp")
    small = fault(lab, "mtu", f"link={PRIVATE}", "mtu=1200")
    hung = fault(lab, "daemon_stop", f"node={MSEE}", "how=freeze")
    host = fault(lab, "link_down", f"link={HOST_LINK}", name="host")
    switch = fault(lab, "link_down", f"link={SWITCH}", name="switch")
    inside = fault(lab, "drop_protocol", f"link={TUNNEL}", "protocol=udp", "port=5000", name="inside")
    every = [cut, node, silent, bgp, small, hung, host, switch, inside]
    assert [each["name"] for each in lab.inspect()["faults"]] == every
    assert lab.run("fault", "clear", cut).returncode == 0
    assert "LOWER_UP" not in flags(lab, "pe1", "to-msee1"), "the MSEE is down yet"
    assert lab.run("fault", "clear", node, host, small).returncode == 0
    assert "LOWER_UP" in flags(lab, "pe1", "to-msee1")
    assert not lab.reaches(EDGE, MSEE_ADDRESS), "silently lost yet"
    for name in (hung, switch, silent, inside, bgp):
        assert lab.run("fault", "clear", name).returncode == 0
    settled(lab)
    _assert_as_before(lab, before)


@needs_data_plane
def test_a_gateway_that_was_down_is_exactly_as_before(lab: Lab) -> None:
    settled(lab)
    before = kernel_state(lab)
    with faulty(lab, "node_down", f"node={GATEWAY}"):
        pass
    settled(lab)
    _assert_as_before(lab, before)


def test_ipv6_is_exactly_as_before(dual_stack: Lab) -> None:
    settled(dual_stack)
    before = kernel_state(dual_stack)
    links = [each["name"] for each in dual_stack.inspect()["links"]]
    names = [fault(dual_stack, "link_down", f"link={link}", name=f"cut-{n}") for n, link in enumerate(links)]
    assert kernel_state(dual_stack) != before
    assert dual_stack.run("fault", "clear", *names).returncode == 0
    settled(dual_stack)
    _assert_as_before(dual_stack, before)


def _assert_as_before(lab: Lab, before: dict[str, Any]) -> None:
    assert lab.inspect()["faults"] == []
    try:
        eventually("it is as before", lambda: kernel_state(lab) == before, 20)
    except AssertionError:
        assert kernel_state(lab) == before


def test_a_fault_that_fails_half_way_leaves_nothing(lab: Lab) -> None:
    settled(lab)
    before = _state_of_node(lab, "core1")
    halves = PortDown(Endpoint("core1", "app1")), PortDown(Endpoint("core1", "no-such-port"))
    with closing(Control(folder_of(lab.name))) as control:
        with pytest.raises(BackendError, match="core1:no-such-port: No such device"):
            control.ask("fault-apply", fault=pack(Fault("link_down", {}, "a test", halves)))
        assert control.ask("fault-list") == []
    assert _state_of_node(lab, "core1") == before


def test_what_cannot_be_broken_or_mended_is_a_wrong_input(lab: Lab) -> None:
    fault(lab, "link_down", f"link={HOST_LINK}")
    for words in (
        ("apply", "link_down", f"link={HOST_LINK}"),
        ("apply", "link_down", f"link={HOST_LINK}", "--as", "again"),
        ("apply", "link_down", f"link={SWITCH}"),
        ("apply", "link_down", "link=nowhere"),
        ("clear", "nothing"),
    ):
        done = lab.run("fault", *words)
        assert (done.returncode, done.stdout) == (2, ""), words
    assert [each["name"] for each in lab.json("fault", "list")["applied"]] == ["link_down"]


def test_a_lab_with_faults_takes_changes_but_for_routes_over_a_port_that_is_down(lab: Lab) -> None:
    settled(lab)
    with faulty(lab, "link_down", f"link={HOST_LINK}"), closing(Control(folder_of(lab.name))) as control:
        plan = unpack(control.ask("plan"), Plan)
        changed = [
            replace(route, prefix=IPv4Network("10.77.0.0/16")) if route.namespace == HOST else route
            for route in plan.static_routes
        ]
        with pytest.raises(InputError, match="static routes of app1 change, where a fault holds a port down"):
            control.ask("apply", plan=pack(replace(plan, static_routes=tuple(changed))))
        assert control.ask("apply", plan=pack(replace(plan, description="another one"))) == [
            "the description"
        ]
        control.ask("apply", plan=pack(plan))
