"""What a lab may be asked for by name, and how each is called."""

from __future__ import annotations

AUTO = "auto"
"""Whatever this host can do."""

NETNS, DOCKER = "netns", "docker"
"""Where nodes live: in namespaces of the supervisor's own, or in containers."""
