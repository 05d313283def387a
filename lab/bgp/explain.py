"""What the RIBs say, for people: plain dicts that go through ``json`` as they are.

``why`` keeps nothing from the time of the decision; it decides again, from the same
values with the same code, and writes down every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lab.bgp.decision import Candidate, Decision, Step, local_pref, med
from lab.bgp.exporting import Exported, ExportResult
from lab.bgp.importing import ImportResult, Received
from lab.bgp.policy import Verdict
from lab.bgp.rib import Destination, Peer, Rib
from lab.bgp.route import Address, PathAttributes, Prefix, format_community

Json = dict[str, object]

VALUES: dict[Step, Callable[[Candidate], object]] = {
    Step.LOCAL_ORIGIN: lambda path: path.learned.value,
    Step.WEIGHT: lambda path: path.weight,
    Step.LOCAL_PREF: local_pref,
    Step.AS_PATH: lambda path: len(path.attributes.as_path),
    Step.ORIGIN: lambda path: path.attributes.origin.name.lower(),
    Step.MED: med,
    Step.EXTERNAL: lambda path: path.learned.value,
    Step.BGP_IDENTIFIER: lambda path: str(path.bgp_identifier),
    Step.PEER_ADDRESS: lambda path: str(path.peer_address),
    Step.PATH_ID: lambda path: path.path_id,
}
"""What each step of the decision process looks at."""


def attributes_json(attributes: PathAttributes) -> Json:
    return {
        "next_hop": str(attributes.next_hop),
        "as_path": list(attributes.as_path),
        "local_pref": attributes.local_pref,
        "med": attributes.med,
        "origin": attributes.origin.name.lower(),
        "communities": [format_community(each) for each in sorted(attributes.communities)],
    }


# --- show routes ---


def routes(rib: Rib, prefix: Prefix | None = None) -> list[Json]:
    if prefix is None:
        wanted: Iterable[Destination] = sorted(rib.destinations.values(), key=_in_order)
    else:
        wanted = [rib.destinations[prefix]] if prefix in rib.destinations else []
    return [
        _route_json(destination.prefix, destination.decision, path, step)
        for destination in wanted
        if destination.decision
        for path, step in _ranked(destination.decision)
    ]


def _in_order(destination: Destination) -> tuple[int, int, int]:
    prefix = destination.prefix
    return prefix.version, int(prefix.network_address), prefix.prefixlen


def _ranked(decision: Decision) -> list[tuple[Candidate, Step]]:
    """The best, then the others, those that lasted longest first."""
    order = list(Step)
    losers = sorted(
        decision.eliminated, key=lambda loser: (-order.index(loser[1]), loser[0].peer, loser[0].path_id)
    )
    return [(decision.best, decision.reason), *losers]


def _route_json(prefix: Prefix, decision: Decision, path: Candidate, step: Step) -> Json:
    return {
        "prefix": str(prefix),
        "best": path is decision.best,
        "multipath": path in decision.multipath,
        "peer": path.peer,
        "path_id": path.path_id,
        "weight": path.weight,
        **attributes_json(path.attributes),
        "reason": step.value,
    }


# --- show bgp ---


def neighbors(rib: Rib) -> list[Json]:
    return [_neighbor_json(rib, peer) for peer in rib.peers.values()]


def _neighbor_json(rib: Rib, peer: Peer) -> Json:
    neighbor, counts = peer.neighbor, peer.counts()
    return {
        "peer": neighbor.name,
        "local_address": str(neighbor.local_address),
        "peer_address": str(neighbor.peer_address),
        "local_asn": rib.config.asn,
        "peer_asn": neighbor.peer_asn,
        "established": peer.established,
        "closing": peer.closing,
        "end_of_rib": peer.end_of_rib,
        "bgp_identifier": str(peer.bgp_identifier) if peer.established else None,
        "down_reason": None if peer.established else peer.down_reason or None,
        "prefixes_received": counts.received,
        "prefixes_accepted": counts.accepted,
        "prefixes_advertised": counts.advertised,
        "max_prefixes": neighbor.max_prefixes,
    }


def adj_rib_in(rib: Rib, peer: str) -> list[Json]:
    return [
        {"prefix": str(destination.prefix), "path_id": path_id} | _received_json(path)
        for destination in sorted(rib.peers[peer].destinations, key=_in_order)
        for (source, path_id), path in sorted(destination.paths.items(), key=lambda item: item[0])
        if source == peer
    ]


def adj_rib_out(rib: Rib, peer: str) -> list[Json]:
    told = rib.peers[peer].adj_rib_out
    return [
        {"prefix": str(destination.prefix), "path_id": path_id} | attributes_json(attributes)
        for destination in sorted(told, key=_in_order)
        for path_id, attributes in told[destination]
    ]


# --- why ---


def why(rib: Rib, target: Prefix | Address) -> Json:
    """``prefix`` is null when the speaker knows nothing that fits; ``covered_by`` is then
    the longest less specific route that packets for an exact prefix follow instead."""
    destination, covering = _find(rib, target), None
    if destination is None and isinstance(target, IPv4Network | IPv6Network):
        covering = _longest_match(rib, target)
    answer: Json = {
        "speaker": rib.config.name,
        "asked": str(target),
        "prefix": str(destination.prefix) if destination else None,
        "covered_by": str(covering.prefix) if covering else None,
    }
    destination = destination or Destination(IPv4Network(0))
    return answer | {
        "received": _received_paths(destination),
        "decision": _decision_json(destination.decision) if destination.decision else None,
        "fib": _fib_json(destination),
        "exports": _exports(rib, destination),
    }


def _find(rib: Rib, target: Prefix | Address) -> Destination | None:
    if isinstance(target, IPv4Address):
        return _longest_match(rib, IPv4Network(target))
    if isinstance(target, IPv6Address):
        return _longest_match(rib, IPv6Network(target))
    return rib.destinations.get(target)


def _longest_match(rib: Rib, target: Prefix) -> Destination | None:
    """Among what is in the Loc-RIB; only if nothing there fits, among what was refused."""
    lengths = range(target.prefixlen, -1, -1)
    found = [rib.destinations.get(target.supernet(new_prefix=length)) for length in lengths]
    fitting = [destination for destination in found if destination is not None]
    usable = (destination for destination in fitting if destination.decision is not None)
    return next(usable, next(iter(fitting), None))


def _received_paths(destination: Destination) -> list[Json]:
    return [
        {"peer": peer, "path_id": path_id} | _received_json(path)
        for (peer, path_id), path in sorted(destination.paths.items(), key=lambda item: item[0])
    ]


def _received_json(path: Received) -> Json:
    """The weight did not come with the route: import policy sets it, or it is our own's."""
    after = path.candidate
    return {
        "weight": after.weight if after and path.verdict is None else 0,
        **attributes_json(path.attributes),
        "accepted": path.candidate is not None,
        "result": path.result.value,
        "explanation": _import_explanation(path),
        **_verdict_json(path.verdict),
        "after_policy": {"weight": after.weight} | attributes_json(after.attributes) if after else None,
    }


def _verdict_json(verdict: Verdict | None) -> Json:
    return {
        "policy": verdict.policy if verdict else None,
        "rule": verdict.rule if verdict else None,
    }


def _import_explanation(path: Received) -> str:
    match path.result:
        case ImportResult.OWN_AS_IN_PATH:
            return "our own AS number is in the AS path: a loop"
        case ImportResult.NEXT_HOP_IS_OURS:
            return f"next hop {path.attributes.next_hop} is our own address"
        case ImportResult.NEXT_HOP_UNREACHABLE:
            return f"next hop {path.attributes.next_hop} is in none of our networks"
    return _policy_explanation(path.verdict, "import") if path.verdict else _origin_explanation(path)


def _origin_explanation(path: Received) -> str:
    behind = path.attributes.as_path
    return f"originated here, as if AS {behind[0]} had announced it" if behind else "originated here"


def _policy_explanation(verdict: Verdict, direction: str) -> str:
    did = "accepted" if verdict.accepted else "refused"
    return f"{did} by {direction} policy {verdict.policy}: {verdict.rule}"


def _decision_json(decision: Decision) -> Json:
    return {
        "best": decision.best.peer,
        "path_id": decision.best.path_id,
        "reason": decision.reason.value,
        "steps": _steps(decision),
        "multipath": [path.peer for path in decision.multipath],
    }


def _steps(decision: Decision) -> list[Json]:
    """Each step that eliminated someone, with the values it compared."""
    steps: list[Json] = []
    remaining = [path for path, _ in _ranked(decision)]
    for step in Step:
        lost = [loser for loser, by in decision.eliminated if by is step]
        if lost:
            remaining = [path for path in remaining if path not in lost]
            steps.append(
                {
                    "step": step.value,
                    "kept": [_value_json(step, path) for path in remaining],
                    "eliminated": [_value_json(step, path) for path in lost],
                }
            )
    return steps


def _value_json(step: Step, path: Candidate) -> Json:
    return {"peer": path.peer, "path_id": path.path_id, "value": VALUES[step](path)}


def _fib_json(destination: Destination) -> Json:
    next_hops = [str(each) for each in destination.next_hops]
    return {
        "installed": bool(next_hops),
        "next_hops": next_hops,
        "explanation": _fib_explanation(destination),
    }


def _fib_explanation(destination: Destination) -> str:
    if destination.next_hops:
        return f"via {' and '.join(map(str, destination.next_hops))}"
    if destination.decision is None:
        return "not installed: there is no route"
    return "not installed: it is ours, and in the kernel already if it is connected or static"


def _exports(rib: Rib, destination: Destination) -> list[Json]:
    paths: tuple[Candidate, ...] = ()
    exports = []
    for peer in rib.peers.values():
        if destination.decision:
            add_path = peer.neighbor.add_path
            paths = destination.decision.multipath if add_path else (destination.decision.best,)
        for path in paths or (None,):
            exports.append(_export_json(peer, destination.prefix, path))
    return exports


def _export_json(peer: Peer, prefix: Prefix, path: Candidate | None) -> Json:
    exported = _export(peer, prefix, path)
    return {
        "peer": peer.neighbor.name,
        "path_from": path.peer if path else None,
        "advertised": exported.attributes is not None,
        "result": exported.result.value,
        "explanation": _export_explanation(exported, path),
        **_verdict_json(exported.verdict),
        "attributes": attributes_json(exported.attributes) if exported.attributes else None,
    }


def _export(peer: Peer, prefix: Prefix, path: Candidate | None) -> Exported:
    if path is None:
        return Exported(ExportResult.NO_ROUTE)
    if prefix.version != peer.neighbor.family.value:
        return Exported(ExportResult.OTHER_FAMILY)
    if not peer.established:
        return Exported(ExportResult.SESSION_DOWN)
    return peer.exporter.export(path, peer.exporter.matching_prefix(prefix))


EXPLANATIONS = {
    ExportResult.NO_ROUTE: "there is no route to advertise",
    ExportResult.OTHER_FAMILY: "the session carries the other address family",
    ExportResult.SESSION_DOWN: "the session is down",
    ExportResult.IBGP_SPLIT_HORIZON: "learned from an internal peer, and neither is a reflector's client",
    ExportResult.NO_EXPORT: "the route carries NO_EXPORT, and the peer is external",
    ExportResult.NO_ADVERTISE: "the route carries NO_ADVERTISE",
}


def _export_explanation(exported: Exported, path: Candidate | None) -> str:
    if exported.verdict:
        return _policy_explanation(exported.verdict, "export")
    if exported.result is ExportResult.LEARNED_FROM_THIS_PEER and path:
        return f"{path.peer} is where the route was learned"
    return EXPLANATIONS[exported.result]
