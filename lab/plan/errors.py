"""A topology that is valid in itself but cannot be built."""

from __future__ import annotations

from lab.errors import InputError


class PlanError(InputError):
    """Two objects want the same address, interface name or role (exit 2, as any wrong input)."""
