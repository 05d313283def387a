"""Plans drawn by hand, for the tests of the picture: only what a picture looks at."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from itertools import islice
from random import Random

from lab.bgp.route import Address, Asn
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig
from lab.plan.types import (
    AddressAssignment,
    Endpoint,
    Namespace,
    Node,
    Plan,
    Role,
    Speaker,
    SubInterface,
    Wire,
)

LONG_DESCRIPTION = (
    "One circuit, private and Microsoft peering, a VNet in the core's reach and one behind VPN gateways"
)


class Sketch:
    """Collects nodes, wires and sessions, and numbers them."""

    def __init__(self, name: str, description: str = "") -> None:
        self._name, self._description = name, description
        self._nodes: list[Node] = []
        self._namespaces: list[Namespace] = []
        self._wires: list[Wire] = []
        self._addresses: list[AddressAssignment] = []
        self._subs: list[SubInterface] = []
        self._asns: dict[str, int] = {}
        self._neighbors: dict[str, list[Neighbor]] = {}
        self._origins: dict[str, list[str]] = {}

    def node(self, name: str, role: Role, *group: str, vrfs: tuple[str, ...] = (), asn: int = 0) -> None:
        self._nodes.append(Node(name, role, group))
        self._namespaces.append(Namespace(name))
        self._namespaces += [Namespace(name, vrf) for vrf in vrfs]
        for namespace in [f"{name}/{vrf}" for vrf in vrfs] or [name]:
            self._asns[namespace] = asn

    def wire(self, a: str, b: str, network: str = "", trunk: bool = False) -> None:
        index = len(self._wires)
        ends = Endpoint(a, f"eth{index}"), Endpoint(b, f"eth{index}")
        self._wires.append(Wire(f"w{index}-{a}-{b}", *ends, trunk=trunk))
        hosts = list(islice(IPv4Network(network).hosts(), 2)) if network else []
        for end, host in zip(ends, hosts, strict=False):
            self._address(end.namespace, end.ifname, f"{host}/{IPv4Network(network).prefixlen}")

    def tagged(self, namespace: str, tag: int, address: str) -> None:
        node = namespace.partition("/")[0]
        self._subs.append(SubInterface(namespace, f"eth0.{tag}", Endpoint(node, "eth0"), tag))
        self._address(namespace, f"eth0.{tag}", address)

    def host(self, namespace: str, address: str) -> None:
        self._address(namespace, "eth9", address)

    def originates(self, namespace: str, *prefixes: str) -> None:
        self._origins.setdefault(namespace, []).extend(prefixes)

    def session(self, a: str, b: str, version: int = 4) -> None:
        count = sum(map(len, self._neighbors.values())) * 2 + 1
        x: Address = IPv4Address("198.18.0.0") + count
        y: Address = IPv4Address("198.18.0.0") + count + 1
        if version == 6:
            x, y = IPv6Address("2001:db8::") + count, IPv6Address("2001:db8::") + count + 1
        suffix = "-ipv6" if version == 6 else ""
        self._neighbors.setdefault(a, []).append(Neighbor(b + suffix, x, y, Asn(self._asns[b])))
        self._neighbors.setdefault(b, []).append(Neighbor(a + suffix, y, x, Asn(self._asns[a])))

    def plan(self) -> Plan:
        return Plan(
            name=self._name,
            description=self._description,
            nodes=tuple(self._nodes),
            namespaces=tuple(self._namespaces),
            wires=tuple(self._wires),
            sub_interfaces=tuple(self._subs),
            addresses=tuple(self._addresses),
            speakers=tuple(self._speaker(namespace) for namespace in self._speaking()),
        )

    def _speaking(self) -> list[str]:
        return list(dict.fromkeys([*self._neighbors, *self._origins]))

    def _speaker(self, namespace: str) -> Speaker:
        origins = tuple(Origination(IPv4Network(prefix)) for prefix in self._origins.get(namespace, ()))
        config = SpeakerConfig(
            name=namespace,
            asn=Asn(self._asns[namespace]),
            bgp_identifier=IPv4Address("192.0.2.1"),
            neighbors=tuple(self._neighbors.get(namespace, ())),
            originations=origins,
        )
        return Speaker(namespace, config)

    def _address(self, namespace: str, ifname: str, address: str) -> None:
        self._addresses.append(AddressAssignment(namespace, ifname, IPv4Interface(address)))


def site(sketch: Sketch, name: str, n: int, asn: int = 65010) -> None:
    """Zones core and dmz, two edge routers ce<n> and ce<n+1>, a firewall between."""
    edges = [f"ce{n}", f"ce{n + 1}"]
    for zone in ("core", "dmz"):
        sketch.node(f"sw-{zone}{n}", Role.SWITCH, "on-premises", name, zone)
        sketch.node(f"{zone}{n}", Role.ROUTER, "on-premises", name, zone, asn=asn)
        sketch.wire(f"{zone}{n}", f"sw-{zone}{n}", f"10.{n}.255.0/24" if zone == "core" else "192.0.2.0/24")
    for edge in edges:
        sketch.node(edge, Role.EDGE_ROUTER, "on-premises", name, vrfs=("core", "dmz"), asn=asn)
    for zone in ("core", "dmz"):
        for edge in edges:
            sketch.wire(f"{edge}/{zone}", f"sw-{zone}{n}")
            sketch.session(f"{edge}/{zone}", f"{zone}{n}")
        sketch.session(f"{edges[0]}/{zone}", f"{edges[1]}/{zone}")
    sketch.originates(f"core{n}", "10.0.0.0/24", "10.1.10.0/25")
    sketch.node(f"fw{n}", Role.FIREWALL, "on-premises", name)
    sketch.wire(f"sw-core{n}", f"fw{n}")
    sketch.wire(f"fw{n}", f"sw-dmz{n}")
    for host, address in ((f"app{n}", "10.0.0.10/24"), (f"desk{n}", "10.1.10.10/25")):
        sketch.node(host, Role.HOST, "on-premises", name, "core")
        sketch.wire(host, f"core{n}")
        sketch.host(host, address)
    sketch.node(f"vpn{n}", Role.VPN_DEVICE, "on-premises", name, "dmz", asn=asn)
    sketch.wire(f"vpn{n}", f"dmz{n}", "203.0.113.108/30")


def circuit(sketch: Sketch, name: str, location: str, n: int) -> None:
    """Provider edges and MSEEs n and n+1, wired and peered with the edge routers n and n+1."""
    for i in (n, n + 1):
        sketch.node(f"pe{i}", Role.PROVIDER_EDGE, "provider", name)
        vrfs = ("private", "microsoft")
        sketch.node(f"msee{i}", Role.MSEE, "microsoft", location, vrfs=vrfs, asn=12076)
        sketch.wire(f"ce{i}", f"pe{i}", trunk=True)
        sketch.wire(f"pe{i}", f"msee{i}", trunk=True)
        for k, (zone, vrf) in enumerate(zip(("core", "dmz"), vrfs, strict=True)):
            sketch.session(f"ce{i}/{zone}", f"msee{i}/{vrf}")
            for end, host in ((f"ce{i}/{zone}", 1), (f"msee{i}/{vrf}", 2)):
                sketch.tagged(end, 100 + 100 * k, f"192.168.10{k}.{128 + 4 * i + host}/30")


def vnet(sketch: Sketch, name: str, role: Role | None, prefix: str, asn: int = 65515) -> list[str]:
    """A virtual network with a VM, and two gateway instances when ``role`` is given."""
    group = ("azure", f"vnet-{name}")
    sketch.node(f"vnet-{name}", Role.VNET, *group)
    kind = "ergw" if role is Role.ER_GATEWAY else "vpngw"
    gateways = [f"{kind}-{name}-{i}" for i in (0, 1)] if role else []
    for gateway in gateways:
        assert role is not None
        sketch.node(gateway, role, *group, asn=asn)
        sketch.wire(gateway, f"vnet-{name}", prefix)
        sketch.originates(gateway, prefix)
    sketch.node(f"vm-{name}", Role.VM, *group)
    sketch.wire(f"vm-{name}", f"vnet-{name}", prefix)
    return gateways


def reference() -> Plan:
    """What the reference topology compiles to, near enough."""
    sketch = Sketch("expressroute-vpn", LONG_DESCRIPTION)
    site(sketch, "seattle", 1)
    circuit(sketch, "er-seattle", "Seattle", 1)
    sketch.node("msnet", Role.MICROSOFT_EDGE, "microsoft", "backbone", asn=12076)
    sketch.originates("msnet", "13.66.128.0/17", "40.65.64.0/18")
    for gateway in vnet(sketch, "corp", Role.ER_GATEWAY, "10.17.0.0/16"):
        for msee in ("msee1", "msee2"):
            sketch.wire(f"{msee}/private", gateway)
            sketch.session(f"{msee}/private", gateway)
    for msee in ("msee1", "msee2"):
        sketch.wire(f"{msee}/microsoft", "msnet")
        sketch.session(f"{msee}/microsoft", "msnet")
    for i, gateway in enumerate(vnet(sketch, "secure", Role.VPN_GATEWAY, "10.2.0.0/24", asn=65000)):
        sketch.wire("msnet", gateway, f"52.175.25{i}.0/30")
        sketch.session("vpn1", gateway)
    return sketch.plan()


def dual_stack() -> Plan:
    """The reference with each session of the circuit over IPv6 too."""
    sketch = Sketch("dual-stack")
    site(sketch, "seattle", 1)
    circuit(sketch, "er-seattle", "Seattle", 1)
    for i in (1, 2):
        sketch.session(f"ce{i}/core", f"msee{i}/private", version=6)
    return sketch.plan()


def spokes(count: int = 10) -> Plan:
    """A hub virtual network with spokes peered to it."""
    sketch = Sketch("hub-and-spokes", "A hub with ten spokes")
    site(sketch, "seattle", 1)
    circuit(sketch, "er-seattle", "Seattle", 1)
    for gateway in vnet(sketch, "hub", Role.ER_GATEWAY, "10.100.0.0/16"):
        for msee in ("msee1", "msee2"):
            sketch.wire(f"{msee}/private", gateway)
            sketch.session(f"{msee}/private", gateway)
    for i in range(count):
        vnet(sketch, f"spoke{i}", None, f"10.{i}.0.0/16")
        sketch.wire("vnet-hub", f"vnet-spoke{i}")
    return sketch.plan()


def two_of_each() -> Plan:
    """Two sites, a circuit each, one virtual network reached by both."""
    sketch = Sketch("two-sites", "Two sites with a circuit each, and one virtual network behind both")
    site(sketch, "seattle", 1)
    site(sketch, "london", 3, asn=65020)
    circuit(sketch, "er-seattle", "Seattle", 1)
    circuit(sketch, "er-london", "London", 3)
    for gateway in vnet(sketch, "corp", Role.ER_GATEWAY, "10.17.0.0/16"):
        for msee in ("msee1", "msee2", "msee3", "msee4"):
            sketch.wire(f"{msee}/private", gateway)
            sketch.session(f"{msee}/private", gateway)
    return sketch.plan()


def line(count: int = 50) -> Plan:
    """Plain routers in a row, as a bench draws them."""
    sketch = Sketch("line", f"{count} routers in a row")
    for i in range(count):
        sketch.node(f"r{i}", Role.ROUTER, "on-premises", "line", asn=4200000000 + i)
        sketch.originates(f"r{i}", f"10.{i}.0.0/24")
        if i:
            sketch.wire(f"r{i - 1}", f"r{i}", f"172.16.{i}.0/30")
            sketch.session(f"r{i - 1}", f"r{i}")
    return sketch.plan()


def odd() -> Plan:
    """Names nobody should choose, groups nobody defined, a node with nothing."""
    sketch = Sketch('<lab> & "friends"', "a ]]> b <script>alert('x')</script> \x1b[31m \x00 ü 测试")
    sketch.node("<&>\"'", Role.HOST)
    sketch.node("a-name-that-is-very-much-longer-than-any-box-would-like-to-be", Role.VM, "azure", "v" * 80)
    sketch.node("x", Role.ROUTER, "elsewhere", "b & b", "<zone>", "deeper", asn=1)
    sketch.node("y", Role.ROUTER, "elsewhere", "b & b", asn=1)
    sketch.session("x", "y")
    sketch.wire("x", "<&>\"'")
    sketch.node("fw", Role.FIREWALL, "on-premises")
    sketch.node("fw2", Role.FIREWALL, "on-premises", "b & b")
    sketch.node("msee", Role.MSEE, vrfs=("a very long vrf name indeed it is", "microsoft"))
    return sketch.plan()


_GROUPS = (
    (),
    ("on-premises",),
    ("on-premises", "seattle"),
    ("on-premises", "seattle", "core"),
    ("on-premises", "seattle", "dmz"),
    ("on-premises", "london", "core"),
    ("provider", "er-seattle"),
    ("microsoft",),
    ("microsoft", "Seattle"),
    ("azure", "vnet-corp"),
    ("azure", "vnet-secure"),
    ("elsewhere", "quite"),
)


def anything(seed: int) -> Plan:
    """Nodes of any role anywhere, with any wires and sessions between them."""
    random = Random(seed)
    sketch = Sketch(f"anything-{seed}", "word " * random.randrange(50))
    ends: list[str] = []
    for i in range(random.randrange(1, 25)):
        vrfs = tuple(random.sample(("private", "microsoft", "core"), random.choice((0, 0, 0, 1, 2))))
        name = f"n{i}{'-long' * random.choice((0, 0, 3, 9))}"
        sketch.node(
            name, random.choice(list(Role)), *random.choice(_GROUPS), vrfs=vrfs, asn=random.randrange(1, 4)
        )
        ends += [f"{name}/{vrf}" for vrf in vrfs] or [name]
    for a, b in _pairs(random, ends):
        sketch.wire(a, b, trunk=random.random() < 0.2)
    for a, b in _pairs(random, ends):
        sketch.session(a, b)
    return sketch.plan()


def _pairs(random: Random, ends: Sequence[str]) -> list[tuple[str, str]]:
    """Some pairs of ends on different nodes, none twice."""
    chosen = [sorted((random.choice(ends), random.choice(ends))) for _ in range(random.randrange(25))]
    apart = ((a, b) for a, b in chosen if a.partition("/")[0] != b.partition("/")[0])
    return list(dict.fromkeys(apart))
