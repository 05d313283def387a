"""The AS number of a customer edge's routing table."""

from __future__ import annotations

from lab.bgp.route import Asn
from lab.model.onprem import EdgeRouter, Site
from lab.plan.errors import PlanError


def edge_asn(site: Site, edge: EdgeRouter, zone: str) -> Asn:
    """The site's, unless the zone's attachments give another one.

    Such a router differs from the rest of its site on purpose, to see a session refused; towards
    the site's routers it is then an external neighbour.
    """
    given = {
        attachment.asn
        for attachment in edge.attachments
        if attachment.zone == zone and attachment.asn is not None
    }
    if len(given) > 1:
        raise PlanError(
            f"{edge.name}: attachments in zone {zone} give different AS numbers, {sorted(given)}",
            hint="a routing table has one AS number; put the attachments in different zones",
        )
    return Asn(given.pop() if given else site.asn)
