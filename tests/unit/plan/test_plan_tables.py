"""ExpressRoute's routing, table by table: each row is seen happening between the engines of a
compiled plan.

The rows are those of learn.microsoft.com, expressroute/expressroute-routing,
expressroute/expressroute-faqs and azure-subscription-service-limits; what is only observed in
real deployments says so.
"""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network
from itertools import islice

import pytest
from plan_builders import Edit, changed, compiled
from plan_network import Network

VPN = "expressroute-vpn"
PUBLIC_ASN = 65550
"""Of RFC 5398's 32-bit documentation range, which Microsoft treats as any public one."""


def everything_is_told(data, name="everything", **changes):
    """Edge routers export all they know, as routers without a prefix list do."""
    site = data["on_premises"][0]
    rule = {"name": "all"} | ({"set": changes} if changes else {})
    site.setdefault("policies", []).append({"name": name, "rules": [rule]})
    for router in site["edge_routers"]:
        for attachment in router["attachments"]:
            attachment["export_policy"] = name


def customer_is(data, asn):
    data["on_premises"][0]["asn"] = asn
    for peering in data["express_route_circuits"][0]["peerings"]:
        peering["peer_asn"] = asn


def network(name: str, *edits: Edit) -> Network:
    def edit(data):
        for one in edits:
            one(data)

    return Network(changed(name, edit))


@cache
def untouched(name: str) -> Network:
    """Only to be looked at."""
    return Network(compiled(name))


def accepted(lab: Network, namespace: str, prefix: str) -> list[tuple[str, list[int], list[str]]]:
    """Who told the prefix, with which path and communities, of what import accepted."""
    return [(route["peer"], route["as_path"], route["communities"]) for route in lab.known(namespace, prefix)]


def why_not_told(lab: Network, namespace: str, name: str, prefix: str) -> tuple[str, str]:
    """The export policy and its rule that keep the prefix from that neighbour."""
    exports = lab.engines[namespace].why(ip_network(prefix))["exports"]
    (export,) = (one for one in exports if one["peer"] == name)
    assert not export["advertised"]
    return export["policy"], export["rule"]


def many(number: int, inside: str = "100.64.0.0/10", length: int = 26) -> list[str]:
    return [str(prefix) for prefix in islice(ip_network(inside).subnets(new_prefix=length), number)]


# --- what is accepted from the customer ---

FROM_CUSTOMER = [
    # peering, prefix, behind the customer's AS, what is kept: the path, or the rule that refuses
    ("private", "0.0.0.0/0", (), (65010,)),
    ("private", "172.16.5.0/24", (), (65010,)),
    ("private", "198.51.100.7/32", (), (65010,)),
    ("private", "198.51.0.0/16", (65020, 4200000001, 65550), (65010, 65020, 4200000001, 65550)),
    ("microsoft", "0.0.0.0/0", (), "no-default-route"),
    ("microsoft", "10.7.0.0/16", (), "no-private-addresses"),
    ("microsoft", "172.31.255.0/24", (), "no-private-addresses"),
    ("microsoft", "192.168.0.0/16", (), "no-private-addresses"),
    ("microsoft", "198.51.100.0/24", (64496,), "no-documentation-asn"),
    ("microsoft", "198.51.100.0/24", (65550, 64511), "no-documentation-asn"),
    ("microsoft", "198.51.100.7/32", (), ()),
    ("microsoft", "198.51.100.0/24", (65020, 4200000001, 65550), (65550,)),
    ("microsoft", "198.51.100.0/24", (64512, 65534), ()),
    ("microsoft", "198.51.100.0/24", (64495, 65535), (64495, 65535)),
]


@pytest.mark.parametrize(
    ("peering", "prefix", "behind", "kept"),
    FROM_CUSTOMER,
    ids=[f"{row[0]} {row[1]} {row[2]}".replace("/", ":") for row in FROM_CUSTOMER],
)
def test_what_an_msee_accepts_from_a_customer(peering, prefix, behind, kept):
    lab = network(VPN, everything_is_told)
    interior, edge = ("core1", "ce1/core") if peering == "private" else ("dmz1", "ce1/dmz")
    lab.originate(interior, prefix, as_path=behind, communities=("65010:7", "12076:51026"))
    if isinstance(kept, str):
        assert accepted(lab, f"msee1/{peering}", prefix) == []
        ((peer, explanation),) = lab.refused(f"msee1/{peering}", prefix)
        assert (peer, explanation.rpartition(": ")[2]) == (edge, kept)
    else:
        assert accepted(lab, f"msee1/{peering}", prefix)[:1] == [(edge, list(kept), [])]
    assert lab.up(f"msee1/{peering}", edge)


def test_communities_a_customer_sets_reach_nobody():
    lab = network(VPN, everything_is_told)
    lab.originate("core1", "10.99.0.0/16", communities=("65010:7",))
    assert accepted(lab, "ce1/core", "10.99.0.0/16")[0][2] == ["65010:7"]
    assert accepted(lab, "ergw-corp-0", "10.99.0.0/16")[0][2] == []


@pytest.mark.parametrize(
    ("asn", "through_ce1"),
    [(65010, []), (PUBLIC_ASN, [PUBLIC_ASN] * 3)],
    ids=["private: stripped, no effect", "public: honoured"],
)
def test_prepending_on_microsoft_peering(asn, through_ce1):
    def ce1_prepends(data):
        everything_is_told(data, "prepended", as_path_prepend=[asn, asn])
        del data["on_premises"][0]["edge_routers"][1]["attachments"][1]["export_policy"]

    lab = network(VPN, lambda data: customer_is(data, asn), ce1_prepends)
    paths = {route["peer"]: route["as_path"] for route in lab.known("msnet", "203.0.113.108/30")}
    assert paths["msee1/microsoft"] == through_ce1
    assert paths["msee2/microsoft"] == through_ce1[:1]
    ways = 1 if through_ce1 else 2
    assert len(lab.next_hops("msnet", "203.0.113.108/30")) == ways


def test_prepending_on_private_peering_is_honoured_between_the_two_links():
    def ce1_prepends(data):
        everything_is_told(data, "prepended", as_path_prepend=[65010])
        del data["on_premises"][0]["edge_routers"][1]["attachments"][0]["export_policy"]

    assert untouched(VPN).next_hops("vnet-corp", "10.0.0.0/24") == ("10.17.11.68", "10.17.11.69")
    assert network(VPN, ce1_prepends).next_hops("vnet-corp", "10.0.0.0/24") == ("10.17.11.69",)


# --- what is told to the customer ---

TO_CUSTOMER = [
    # topology, customer edge, prefix, communities; the path is 12076 alone in every row
    (VPN, "ce1/core", "10.17.0.0/16", []),
    ("ipv6-everywhere", "ce1/core", "10.20.0.0/16", ["12076:20001", "12076:50002"]),
    ("ipv6-everywhere", "ce1/core", "fd00:20::/48", ["12076:20001", "12076:50002"]),
    ("hub-spoke", "ce1/core", "10.10.0.0/16", []),
    ("hub-spoke", "ce1/core", "10.11.0.0/16", []),
    ("hub-spoke", "ce1/core", "10.111.0.0/16", []),
    (VPN, "ce1/dmz", "52.175.192.0/18", ["12076:51026"]),
    ("ipv6-everywhere", "ce1/dmz", "13.69.0.0/17", ["12076:51002"]),
    ("ipv6-everywhere", "ce1/dmz", "2603:1020:200::/46", ["12076:51002"]),
]


@pytest.mark.parametrize(("name", "edge", "prefix", "communities"), TO_CUSTOMER)
def test_what_a_customer_sees_of_azure(name, edge, prefix, communities):
    (msee,) = (one for one in untouched(name).engines[edge].config.neighbors if "/" in one.name and
               one.name.startswith("msee") and one.family.value == ip_network(prefix).version)  # fmt: skip
    seen = {route["peer"]: route for route in untouched(name).known(edge, prefix)}[msee.name]
    assert (seen["as_path"], seen["communities"]) == ([12076], communities)
    assert seen["next_hop"] == str(msee.peer_address)


@pytest.mark.parametrize(
    ("name", "spaces"),
    [
        (VPN, {"10.17.0.0/16"}),
        ("ipv6-everywhere", {"10.20.0.0/16"}),
        (
            "hub-spoke",
            {f"10.{n}.0.0/16" for n in range(10, 21)} | {"10.111.0.0/16"},  # not of vnet-sandbox
        ),
    ],
)
def test_a_customer_is_told_address_spaces_and_never_subnets(name, spaces):
    assert set(untouched(name).told("msee1/private", "ce1/core")) == spaces


# --- what each observer sees of private peering; observed ---

OBSERVERS = [
    # observer, prefix, every candidate: peer, next hop, path, weight
    (
        "msee1/private",
        "10.17.0.0/16",
        [("ergw-corp-0", "10.17.11.76", [65515], 0), ("ergw-corp-1", "10.17.11.77", [65515], 0)],
    ),
    ("msee1/private", "10.0.0.0/24", [("ce1/core", "192.168.100.129", [65010], 0)]),
    ("ergw-corp-0", "10.17.0.0/16", [("local", "0.0.0.0", [], 32768)]),
    (
        "ergw-corp-0",
        "10.0.0.0/24",
        [
            ("msee1/private", "10.17.11.68", [12076, 65010], 32769),
            ("msee2/private", "10.17.11.69", [12076, 65010], 32769),
        ],
    ),
    (
        "ce1/core",
        "10.17.0.0/16",
        [("msee1/private", "192.168.100.130", [12076], 0), ("ce2/core", "10.1.255.2", [12076], 0)],
    ),
]


@pytest.mark.parametrize(
    ("observer", "prefix", "candidates"),
    OBSERVERS,
    ids=[f"{row[0]} {row[1]}".replace("/", ":") for row in OBSERVERS],
)
def test_what_each_observer_sees(observer, prefix, candidates):
    seen = untouched(VPN).known(observer, prefix)
    keys = ("peer", "next_hop", "as_path", "weight")
    assert [tuple(route[key] for key in keys) for route in seen] == candidates
    assert {route["local_pref"] for route in seen} == {100}


def test_an_echo_of_a_networks_prefix_is_kept_at_the_msee_as_a_longer_path():
    """ce1 prefers its neighbour's way, so it has something to tell its own MSEE."""

    def edit(data):
        everything_is_told(data)
        site = data["on_premises"][0]
        prefer = {"name": "prefer", "rules": [{"name": "all", "set": {"local_preference": 200}}]}
        site["policies"].append(prefer)
        site["edge_routers"][1]["attachments"][0]["import_policy"] = "prefer"

    lab = network(VPN, edit)
    seen = [(route["peer"], route["as_path"]) for route in lab.known("msee1/private", "10.17.0.0/16")]
    assert seen == [("ergw-corp-0", [65515]), ("ergw-corp-1", [65515]), ("ce1/core", [65010, 12076])]
    assert lab.next_hops("msee1/private", "10.17.0.0/16") == ("10.17.11.76", "10.17.11.77")
    # and when the network has gone, so has its echo
    for instance in ("ergw-corp-0", "ergw-corp-1"):
        lab.withdraw(instance, "10.17.0.0/16")
    assert lab.known("msee1/private", "10.17.0.0/16") == lab.known("ce1/core", "10.17.0.0/16") == []


def test_a_gateway_refuses_a_path_with_its_own_as_number():
    lab = network(VPN, everything_is_told)
    lab.originate("core1", "10.99.0.0/16", as_path=(65515,))
    assert accepted(lab, "msee1/private", "10.99.0.0/16") == [("ce1/core", [65010, 65515], [])]
    assert lab.refused("ergw-corp-0", "10.99.0.0/16") == [
        ("msee1/private", "our own AS number is in the AS path: a loop"),
        ("msee2/private", "our own AS number is in the AS path: a loop"),
    ]


# --- weights ---


def test_a_connections_routing_weight_decides_after_the_weight_and_before_the_path_length():
    lab = untouched("two-circuits")
    seen = lab.known("ergw-corp-0", "10.0.0.0/24")
    assert {route["weight"] for route in seen} == {32769}
    assert [(route["peer"], route["local_pref"], route["reason"]) for route in seen] == [
        ("er-seattle-msee1/private", 200, "bgp-identifier"),
        ("er-seattle-msee2/private", 200, "bgp-identifier"),
        ("er-chicago-msee1/private", 100, "local-pref"),
        ("er-chicago-msee2/private", 100, "local-pref"),
    ]
    # The network, which forwards by it, learns of the preferred circuit alone; nobody else of the weight.
    assert {route["next_hop"] for route in lab.known("vnet-corp", "10.0.0.0/24")} == {
        "10.17.11.68",
        "10.17.11.69",
    }
    told = lab.engines["ergw-corp-0"].adj_rib_out("er-chicago-msee1/private")
    assert [(route["prefix"], route["local_pref"]) for route in told] == [("10.17.0.0/16", None)]


@pytest.mark.parametrize(("weight", "rule"), [(0, "any-prefix"), (32000, "routing-weight-32000")])
def test_why_names_the_rule_of_the_routing_weight(weight, rule):
    def edit(data):
        data["connections"][0]["routing_weight"] = weight

    answer = network("two-circuits", edit).engines["ergw-corp-0"].why(ip_network("10.0.0.0/24"))
    seattle, _ = (path for path in answer["received"] if path["peer"].startswith("er-seattle"))
    assert (seattle["policy"], seattle["rule"]) == ("conn-seattle", rule)
    assert (seattle["weight"], seattle["local_pref"]) == (0, None)
    after = seattle["after_policy"]
    assert (after["weight"], after["local_pref"]) == (32769, 100 + weight)


def test_of_one_prefix_over_both_kinds_of_gateway_expressroutes_is_used():
    def beside(data):
        public = {"name": "instance-0", "public_ip_address": "52.175.253.113"}
        data["virtual_network_gateways"].append(
            {
                "name": "vpngw-corp",
                "virtual_network": "vnet-corp",
                "gateway_type": "Vpn",
                "sku": "VpnGw1AZ",
                "enable_bgp": True,
                "ip_configurations": [public],
            }
        )
        both = {"name": "conn-both", "virtual_network_gateway1": "vpngw-corp"}
        data["connections"].append(data["connections"][1] | both)
        for edge in data["on_premises"][0]["edge_routers"]:
            edge["attachments"][1]["permitted_remote_prefixes"].append("52.175.253.113/32")

    lab = network(VPN, beside)
    seen = lab.known("vnet-corp", "10.0.0.0/24")
    weights = {route["peer"]: route["weight"] for route in seen}
    assert weights == {"ergw-corp-0": 32769, "ergw-corp-1": 32769, "vpngw-corp-0": 32768}
    (worse,) = (route for route in seen if route["peer"] == "vpngw-corp-0")
    assert worse["reason"] == "weight"
    assert len(worse["as_path"]) < len(seen[0]["as_path"]), "and its path is the shorter one"
    (learned,) = lab.known("vpngw-corp-0", "10.0.0.0/24")
    assert learned["weight"] == 32768


# --- limits ---


def of_tier(tier: str) -> Edit:
    def edit(data):
        data["express_route_circuits"][0]["sku"]["tier"] = tier

    return edit


LIMITS = [
    # tier, peering, announced at, told by, prefixes, sessions that end at each MSEE
    ("Local", "private", "core1", "ce{}/core", 4000),
    ("Standard", "private", "core1", "ce{}/core", 4000),
    ("Premium", "private", "core1", "ce{}/core", 10000),
    ("Standard", "microsoft", "dmz1", "ce{}/dmz", 200),
    ("Premium", "microsoft", "dmz1", "ce{}/dmz", 200),
]


@pytest.mark.parametrize(("tier", "peering", "interior", "edge", "limit"), LIMITS)
def test_one_prefix_too_many_drops_the_session_which_returns_with_fewer(tier, peering, interior, edge, limit):
    lab = network(VPN, everything_is_told, of_tier(tier))
    sessions = [(f"msee{n}/{peering}", edge.format(n)) for n in (1, 2)]
    own = lab.engines[sessions[0][0]].counts(sessions[0][1]).received
    inside = "100.64.0.0/10" if peering == "private" else "44.0.0.0/9"
    prefixes = many(limit - own + 1, inside)

    lab.originate(interior, *prefixes[:-1])
    assert all(lab.up(*session) for session in sessions)
    assert lab.engines[sessions[0][0]].counts(sessions[0][1]).received == limit

    lab.originate(interior, prefixes[-1])
    assert lab.dropped == dict.fromkeys(sessions, f"more than {limit} prefixes received")
    assert not any(lab.up(*session) for session in sessions)
    assert lab.known(sessions[0][0], prefixes[0]) == []

    lab.retry()  # nothing has changed: they come up, are told too much, and drop again
    assert set(lab.dropped) == set(sessions)
    lab.withdraw(interior, prefixes[0])
    lab.retry()
    assert lab.dropped == {}
    assert all(lab.up(*session) for session in sessions)
    assert accepted(lab, sessions[0][0], prefixes[-1])


@pytest.mark.parametrize(
    ("peering", "interior", "edge", "limit"),
    [("private", "core1", "ce1/core", 100), ("microsoft", "dmz1", "ce1/dmz", 200)],
)
def test_too_many_ipv6_prefixes_leave_ipv4_alone(peering, interior, edge, limit):
    lab = network("ipv6-everywhere", everything_is_told)
    lab.originate(interior, *many(limit + 1, "2001:db8:8000::/33", 48))
    assert not lab.up(f"msee1/{peering}", f"{edge}-ipv6")
    assert lab.up(f"msee1/{peering}", edge)
    assert set(lab.dropped.values()) == {f"more than {limit} prefixes received"}


def gateway_sessions(lab: Network) -> dict[tuple[str, str], bool]:
    """Both ends' view of MSEEs and gateway instances: is it up?"""
    return {
        (speaker.namespace, neighbor.name): lab.up(speaker.namespace, neighbor.name)
        for speaker in lab.plan.speakers
        for neighbor in speaker.config.neighbors
        if {speaker.namespace[:4], neighbor.name[:4]} == {"msee", "ergw"}
    }


GATEWAY_LIMITS = [
    # what a gateway with one address space of each family has too much of
    ("IPv4", 1000, "100.64.0.0/10", 24),
    ("IPv6", 100, "2001:db8:8000::/33", 48),
]


@pytest.mark.parametrize(("family", "limit", "inside", "length"), GATEWAY_LIMITS)
def test_a_gateway_with_too_many_prefixes_loses_the_connection_until_it_has_fewer(
    family, limit, inside, length
):
    lab = network("ipv6-everywhere")
    instances, prefixes = ("ergw-six-0", "ergw-six-1"), many(limit, inside, length)

    for instance in instances:
        lab.originate(instance, *prefixes[:-1])
    assert list(gateway_sessions(lab).values()) == [True] * 16  # 2 MSEEs, 2 instances, 2 families, 2 ends
    assert accepted(lab, "ce1/core", prefixes[0])

    for instance in instances:
        lab.originate(instance, prefixes[-1])
    for _ in range(2):
        assert not any(gateway_sessions(lab).values())
        assert set(lab.held.values()) == {f"more than {limit} {family} prefixes of our own"}
        # nothing of the network is left at the MSEEs or the customer, nor the other way round
        for space in ("10.20.0.0/16", "fd00:20::/48", prefixes[0]):
            assert lab.known("msee1/private", space) == lab.known("ce1/core", space) == []
        assert lab.known("vnet-six", "10.0.0.0/24") == []
        assert lab.up("msee1/private", "ce1/core")
        lab.retry()  # changes nothing

    for instance in instances:
        lab.withdraw(instance, prefixes[0])
    lab.retry()
    assert all(gateway_sessions(lab).values())
    assert accepted(lab, "ce1/core", "10.20.0.0/16")
    assert len(lab.known("vnet-six", "10.0.0.0/24")) == 4


def test_the_networks_of_a_hub_count_together_and_go_together():
    def edit(data):
        spoke = next(one for one in data["virtual_networks"] if one["name"] == "vnet-app")
        spoke["address_space"]["address_prefixes"] += many(1000 - 11)

    plan = changed("hub-spoke", edit)
    assert len(plan.speaker("ergw-hub-0").config.originations) == 1001
    lab = Network(plan)
    assert not any(gateway_sessions(lab).values())
    assert set(plan.expected_down) == set(gateway_sessions(lab))
    assert lab.known("ce1/core", "10.10.0.0/16") == []


# --- the circuit's reach ---

REGIONS = {
    "13.69.0.0/17": "West Europe",
    "13.69.128.0/17": "North Europe",
    "20.42.0.0/17": "East US",
}

REACH = [
    # tier, at, prefixes that come over Microsoft peering, and why the others do not
    ("Local", "Amsterdam", {"West Europe"}, "a Local circuit reaches West Europe only"),
    ("Standard", "Amsterdam", {"West Europe", "North Europe"}, "a Standard circuit reaches Europe only"),
    ("Standard", "Chicago", {"East US"}, "a Standard circuit reaches North America only"),
    ("Premium", "Amsterdam", {"West Europe", "North Europe", "East US"}, None),
]


@pytest.mark.parametrize(("tier", "location", "regions", "reason"), REACH)
def test_microsoft_peering_brings_what_the_circuits_sku_reaches(tier, location, regions, reason):
    def edit(data):
        circuit = data["express_route_circuits"][0]
        circuit["sku"]["tier"] = tier
        circuit["service_provider_properties"]["peering_location"] = location
        data["route_filters"][0]["rules"][0]["communities"] = ["12076:51002", "12076:51003", "12076:51004"]
        data["microsoft_network"]["regions"] = [
            {"name": name, "address_prefixes": [prefix]} for prefix, name in REGIONS.items()
        ]

    lab = network("local-sku", edit)
    assert {REGIONS[prefix] for prefix in lab.told("msee1/microsoft", "ce1/dmz")} == regions
    for prefix, name in REGIONS.items():
        if name not in regions:
            assert why_not_told(lab, "msee1/microsoft", "ce1/dmz", prefix) == ("rf-europe", reason)


def test_no_circuit_leads_out_of_its_cloud():
    def edit(data):
        data["express_route_circuits"][0]["sku"]["tier"] = "Premium"
        data["route_filters"][0]["rules"][0]["communities"] = ["12076:51002", "12076:51105"]
        data["microsoft_network"]["regions"][1]["name"] = "US Gov Virginia"

    lab = network("local-sku", edit)
    assert lab.told("msee1/microsoft", "ce1/dmz") == ["13.69.0.0/17"]
    policy = lab.plan.speaker("msee1/microsoft").config.neighbor("ce1/dmz").export_policy
    assert policy.rules[0].name == "a Premium circuit reaches public Azure only"


# --- one virtual network and another on the same circuit ---


def two_networks(data):
    data["virtual_network_gateways"][1] |= {"gateway_type": "ExpressRoute", "ip_configurations": []}
    data["virtual_network_gateways"][1]["bgp_settings"] = {"asn": 65515}
    data["connections"].append(
        {"name": "c2", "virtual_network_gateway1": "vpngw-secure", "peer": "er-seattle"}
    )


def test_networks_on_one_circuit_do_not_hear_of_each_other():
    lab = network(VPN, everything_is_told, two_networks)
    assert accepted(lab, "ce1/core", "10.2.0.0/24")
    assert lab.known("vnet-corp", "10.2.0.0/24") == lab.known("vnet-secure", "10.17.0.0/16") == []
    assert lab.known("ergw-corp-0", "10.2.0.0/24") == []
    assert why_not_told(lab, "msee1/private", "ergw-corp-0", "10.2.0.0/24") == (
        "on-premises",
        "no rule matched",
    )
    # nor may packets take what looks like a way: a default route from on premises
    lab.originate("core1", "0.0.0.0/0")
    assert {path[-1] for path in lab.paths("vm-corp", "10.2.0.4")} == {"filtered"}


# --- what is out of service ---

OUT_OF_SERVICE = [
    ("circuit", "circuit_provisioning_state", "Disabled"),
    ("circuit", "service_provider_provisioning_state", "NotProvisioned"),
    ("circuit", "service_provider_provisioning_state", "Deprovisioning"),
    ("peering", "state", "Disabled"),
]


@pytest.mark.parametrize(("level", "key", "value"), OUT_OF_SERVICE)
def test_private_peering_out_of_service_has_neither_customer_nor_gateway(level, key, value):
    def edit(data):
        circuit = data["express_route_circuits"][0]
        (circuit if level == "circuit" else circuit["peerings"][0])[key] = value

    lab = network(VPN, edit)
    assert not any(gateway_sessions(lab).values())
    assert lab.known("ce1/core", "10.17.0.0/16") == lab.known("vnet-corp", "10.0.0.0/24") == []
    microsoft = lab.known("ce1/dmz", "52.175.192.0/18")
    assert bool(microsoft) is (level == "peering")  # the other peering lives on its own


def test_microsoft_peering_out_of_service_leaves_private_peering_alone():
    def edit(data):
        data["express_route_circuits"][0]["peerings"][1]["state"] = "Disabled"

    lab = network(VPN, edit)
    assert lab.known("ce1/dmz", "52.175.192.0/18") == []
    assert all(gateway_sessions(lab).values())
    assert lab.known("ce1/core", "10.17.0.0/16")
