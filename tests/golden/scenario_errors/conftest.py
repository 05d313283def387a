"""The scenarios here are wrong on purpose: they are read by the test beside them, not run."""

from __future__ import annotations

collect_ignore_glob = ["*.yaml"]
