"""What the kernel answers to changes of links, in namespaces of its own."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from pyroute2 import IPRoute

from lab.runtime import netns
from lab.runtime.isolation import run_isolated
from lab.runtime.netlink import Router

pytestmark = pytest.mark.lab

NOBODY = 4711
"""No interface has this number."""


def test_an_interface_that_goes_while_it_is_removed_is_gone() -> None:
    """A wire does, with the namespace of its other end, which the kernel takes apart in its own time."""

    def story() -> list[str]:
        with Router(netns.create("near", forwarding=False)) as router:
            with patch.object(IPRoute, "link_lookup", create=True, return_value=[NOBODY]):
                router.remove_link("port")
            return [each.ifname for each in router.interfaces()]

    assert run_isolated(story) == ["lo"]
