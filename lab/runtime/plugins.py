"""strongSwan's plugins that distributions pack apart from charon, and whether this host has them."""

from __future__ import annotations

from pathlib import Path

FOLDERS = ("/usr/lib/ipsec/plugins", "/usr/lib/strongswan/plugins", "/usr/lib64/strongswan/plugins")
"""Where Debian and others keep them."""

OPENSSL = "openssl"
"""AES-GCM, the elliptic curves and the older algorithms of Azure's proposals."""
LIBIPSEC = "kernel-libipsec"
"""ESP outside the kernel."""

PACKAGES = {OPENSSL: "libstrongswan-standard-plugins", LIBIPSEC: "libcharon-extra-plugins"}
"""Debian's package of each."""


def place(plugin: str) -> str | None:
    """Where it is; None where it is not installed."""
    places = (Path(folder, f"libstrongswan-{plugin}.so") for folder in FOLDERS)
    return next((str(place) for place in places if place.exists()), None)


def fix(plugin: str) -> str:
    """How to get it."""
    return f"`apt install {PACKAGES[plugin]}`"


def lacking(*needed: str) -> str | None:
    """Which of those needed is missing, and what to do about it; None when none is."""
    for plugin in needed:
        if place(plugin) is None:
            return f"strongSwan's plugin {plugin} is missing: `make setup`, or {fix(plugin)}"
    return None
