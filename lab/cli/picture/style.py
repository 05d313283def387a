"""Colours, icons and the style sheet.

The hues are far apart for common colour blindness, and nothing is said by hue alone: a
session that is down is dashed and crossed, an internal one thinner with open ends, a
stopped node says so. The card behind everything makes the picture the same on light and
dark pages.
"""

from __future__ import annotations

from lab.cli.picture.facts import Domain
from lab.plan.types import Role

FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

INK = "#1f2933"
MUTED = "#5b6773"
WIRE = "#8a96a3"
BAD = "#d4380d"

SESSION_COLOURS: dict[Domain, str] = {
    Domain.PRIVATE: "#1763d6",
    Domain.MICROSOFT: "#8338c9",
    Domain.VPN: "#c2257f",
    Domain.OTHER: "#0f766e",
}
SESSION_WORDS: dict[Domain, str] = {
    Domain.PRIVATE: "private peering",
    Domain.MICROSOFT: "Microsoft peering",
    Domain.VPN: "through the VPN",
    Domain.OTHER: "other BGP",
}
LANE_TINTS: dict[Domain, str] = {
    Domain.PRIVATE: "#dfebfd",
    Domain.MICROSOFT: "#eee2fb",
}

Tint = tuple[str, str, str]
"""Fill, border and title."""

_ZONE_TINTS: dict[str, Tint] = {
    "dmz": ("#fdf1dc", "#e6c88d", "#8a5a00"),
    "core": ("#e7f4ec", "#a9d3b8", "#1c6b3c"),
}
_OTHER_ZONE_TINT: Tint = ("#eaedf1", "#c3cad2", "#46525e")

FRAME_TINTS: dict[str, Tint] = {
    "site": ("#f7f8fa", "#d3d9e0", "#333f4b"),
    "provider": ("#f6f2ec", "#d9cbb5", "#6b5428"),
    "microsoft": ("#edf3fc", "#b9cfee", "#1d4f91"),
    "microsoft-edge": ("#edf3fc", "#b9cfee", "#1d4f91"),
    "azure": ("#e6f4fc", "#a5d3ef", "#0b5f93"),
    "spoke": ("#e6f4fc", "#a5d3ef", "#0b5f93"),
}

_ROUTER = (
    "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13zM4.3 6.3h5M7.7 4.5l1.8 1.8l-1.8 1.8"
    "M11.7 9.9h-5M8.3 8.1l-1.8 1.8l1.8 1.8"
)
_LOCK = "M3.5 7.2h9v6.8h-9zM5.4 7.2v-2.3a2.6 2.6 0 0 1 5.2 0v2.3M8 9.8v1.8"
_MONITOR = "M1.5 2.5h13v8.5h-13zM5 14h6M8 11v3"
ICONS: dict[Role, str] = {
    Role.HOST: _MONITOR,
    Role.VM: "M1.5 2.5h13v8.5h-13zM5 14h6M8 11v3M8 4.3l2.4 1.3v2.3l-2.4 1.3l-2.4-1.3v-2.3z",
    Role.ROUTER: _ROUTER,
    Role.EDGE_ROUTER: _ROUTER,
    Role.PROVIDER_EDGE: _ROUTER,
    Role.MSEE: _ROUTER,
    Role.SWITCH: "M1.5 4h13v8h-13zM4 6.8h6M8.6 5.4l1.5 1.4M12 9.4h-6M7.4 10.8l-1.5-1.4",
    Role.FIREWALL: (
        "M1.5 3h13v10.2h-13zM1.5 6.4h13M1.5 9.8h13M5.8 3v3.4M10.2 3v3.4"
        "M3.6 6.4v3.4M8 6.4v3.4M12.4 6.4v3.4M5.8 9.8v3.4M10.2 9.8v3.4"
    ),
    Role.VPN_DEVICE: _LOCK,
    Role.VPN_GATEWAY: _LOCK,
    Role.VIRTUAL_APPLIANCE: _LOCK,
    Role.ER_GATEWAY: "M4.5 1.8h9v12.4h-9M1 8h8.2M6.6 5.2l2.8 2.8l-2.8 2.8",
    Role.MICROSOFT_EDGE: (
        "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13zM1.5 8h13"
        "M8 1.5c3.6 3.6 3.6 9.4 0 13c-3.6-3.6-3.6-9.4 0-13"
    ),
    Role.VNET: "M5.2 3.5l-4 4.5l4 4.5M10.8 3.5l4 4.5l-4 4.5M5.6 8h.2M7.9 8h.2M10.2 8h.2",
}
"""Strokes on a square grid."""

ICON_GRID = 16

ROLE_COLOURS: dict[Role, str] = {
    Role.MSEE: "#1d4f91",
    Role.MICROSOFT_EDGE: "#1d4f91",
    Role.ER_GATEWAY: "#0b6bb0",
    Role.VPN_GATEWAY: "#0b6bb0",
    Role.VIRTUAL_APPLIANCE: "#0b6bb0",
    Role.VNET: "#0b6bb0",
    Role.VM: "#0b6bb0",
    Role.FIREWALL: "#b4431c",
    Role.PROVIDER_EDGE: "#6b5428",
}
DEFAULT_ROLE_COLOUR = "#46525e"


def zone_tint(zone: str) -> Tint:
    return next((tint for word, tint in _ZONE_TINTS.items() if word in zone.lower()), _OTHER_ZONE_TINT)


_RULES: tuple[tuple[str, str], ...] = (
    ("text", f"font-family:{FONT};fill:{INK}"),
    (".muted,.role,.fact", f"fill:{MUTED}"),
    (".line", "fill:none;stroke-linecap:round;stroke-linejoin:round"),
    (".wire", f"stroke:{WIRE};stroke-width:1.3"),
    (".trunk", f"stroke:{WIRE};stroke-width:4.6"),
    (".core", "stroke:#fff;stroke-width:1.8"),
    (".pipe", f"stroke:{SESSION_COLOURS[Domain.VPN]};stroke-width:8;stroke-opacity:.22"),
    (".burst", f"stroke:{BAD};stroke-dasharray:9 7"),
    (".halo", "stroke:#fff;stroke-width:4.4;stroke-opacity:.75"),
    *((f".s-{domain.value}", f"stroke:{colour}") for domain, colour in SESSION_COLOURS.items()),
    *((f".e-{domain.value}", f"stroke:{colour};fill:{colour}") for domain, colour in SESSION_COLOURS.items()),
    *((f".lane-{domain.value}", f"fill:{colour}") for domain, colour in SESSION_COLOURS.items()),
    (".ebgp", "stroke-width:2.1"),
    (".ibgp", "stroke-width:1.2"),
    (".ebgp.good", "stroke-width:2.8"),
    (".ibgp.good", "stroke-width:1.8"),
    (".end", "stroke-width:1.2"),
    (".neutral", f"stroke:{WIRE};fill:{WIRE}"),
    (".bad", f"stroke:{BAD};stroke-dasharray:6 4"),
    (".ebgp.bad,.ibgp.bad", "stroke-width:2"),
    (".end.bad", f"fill:{BAD};stroke-dasharray:none"),
    (".open,.end.open", "fill:#fff"),
    (".cross", f"fill:#fff;stroke:{BAD};stroke-width:1.6;stroke-linecap:round"),
    (".box", "fill:#fff;stroke:#aab4bf;stroke-width:1"),
    (".icon", "fill:none;stroke-width:1.3;stroke-linecap:round;stroke-linejoin:round"),
    (".stopped .box", "fill:#e4e7eb;stroke:#9aa5b1;stroke-dasharray:4 3"),
    (".stopped .icon", "stroke:#9aa5b1"),
    (".stopped .lane", "fill:#d6dbe1"),
    (".stopped text", "fill:#7b8794"),
    (".stopped .role", f"fill:{BAD}"),
)

PICTURE_CLASS = "mseelab-picture"
"""On the root; every rule is about what is inside it, so that a page may hold the SVG itself."""


def style_sheet() -> str:
    return "".join(f"{_scoped(selectors)}{{{declarations}}}" for selectors, declarations in _RULES)


def _scoped(selectors: str) -> str:
    return ",".join(f".{PICTURE_CLASS} {selector}" for selector in selectors.split(","))
