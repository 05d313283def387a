"""The same line of routers with BIRD daemons started by hand, for comparison.

Runs in a child process with namespaces of its own, like a lab; prints nothing. The time
counts from the first daemon's start until every kernel holds a route to every prefix.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.bench.line import line_plan, prefix, router
from lab.plan.types import Plan, Speaker
from lab.runtime import netns
from lab.runtime.isolation import run_isolated
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import node_environment
from lab.runtime.tags import VxlanTagging
from lab.runtime.wiring import Wiring
from lab.timing import PATIENCE, Budget, wait_until

LINE_CONVERGED = Budget("line-converged", 60.0 * PATIENCE)

CONFIGURATION = """\
log stderr {{ error, fatal }};
router id {identifier};
protocol device {{ }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol static {{ ipv4; route {prefix} blackhole; }}
{neighbors}
"""

NEIGHBOR = """\
protocol bgp {{
  local {local} as {asn};
  neighbor {peer} as {peer_asn};
  connect delay time 0; connect retry time 1; error wait time 1,5; {passive}
  ipv4 {{ import all; export where source = RTS_BGP || source = RTS_STATIC; next hop self; }};
}}
"""


def available() -> bool:
    return shutil.which("bird", path=node_environment()["PATH"]) is not None


def seconds_until_converged(length: int) -> float:
    """Build the line, run BIRD in it, end all of it. Raises BackendError."""
    return float(run_isolated(lambda: _run(line_plan(length))))


def _run(plan: Plan) -> float:
    namespaces = netns.create_all(plan.namespaces)
    Wiring(plan, VxlanTagging()).add(namespaces)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            speaker.namespace: _write(Path(folder), speaker, i) for i, speaker in enumerate(plan.speakers)
        }
        started = time.monotonic()
        for name, file in files.items():
            with namespaces[name].entered():
                subprocess.Popen(
                    ["bird", "-f", "-c", str(file), "-s", f"{file}.ctl"],
                    env=node_environment(),
                    stdout=sys.stderr,
                )
        wanted = len(plan.speakers) - 1
        wait_until(
            "routes in every kernel",
            lambda: min(_routes(namespace) for namespace in namespaces.values()),
            lambda fewest: fewest >= wanted,
            LINE_CONVERGED,
        )
        return time.monotonic() - started


def _write(folder: Path, speaker: Speaker, index: int) -> Path:
    config = speaker.config
    neighbors = "".join(
        NEIGHBOR.format(
            local=neighbor.local_address,
            asn=config.asn,
            peer=neighbor.peer_address,
            peer_asn=neighbor.peer_asn,
            passive="passive on;" if neighbor.passive else "",
        )
        for neighbor in config.neighbors
    )
    file = folder / f"{router(index)}.conf"
    file.write_text(
        CONFIGURATION.format(identifier=config.bgp_identifier, prefix=prefix(index), neighbors=neighbors)
    )
    return file


def _routes(namespace: NetworkNamespace) -> int:
    """Routes by a gateway in the main table: the lines of /proc/net/route with that flag."""
    with namespace.entered():
        lines = Path("/proc/thread-self/net/route").read_text().splitlines()[1:]
    return sum(1 for line in lines if int(line.split()[3], 16) & 0x2)
