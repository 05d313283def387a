"""mseelab doctor: what this host can do, what is missing and where to get it.

The kernel's abilities are tried, not looked up (``lab.runtime.capability``); beside them stand
the programs and resources a lab uses.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from lab.cli.options import format_option, print_json
from lab.cli.tables import heading, print_table
from lab.errors import BackendError
from lab.runtime import plugins
from lab.runtime.dataplane import WHERE
from lab.runtime.isolation import USER_NAMESPACE_HINT
from lab.runtime.process import node_environment
from lab.runtime.rundir import base_folder

MIB = 1 << 20
LEAST_DISK = 64 * MIB
LEAST_MEMORY = 512 * MIB
"""The reference lab with room to spare."""

NOBODY = 65534

PROGRAMS = (
    ("nft", "nftables", True, "firewalls and packet filters"),
    ("charon-systemd", "charon-systemd", False, "IPsec tunnels (strongSwan)"),
    ("ping", "iputils-ping", False, "asking by hand whether a host answers"),
    ("ip", "iproute2", False, "looking around in a node"),
    ("tcpdump", "tcpdump", False, "reading packets in a node; `mseelab capture` does without"),
)
"""Command, Debian package, whether every lab needs it, what for."""

PLUGINS = (
    (plugins.OPENSSL, "IPsec tunnels (strongSwan's algorithms)"),
    (plugins.LIBIPSEC, "IPsec tunnels (strongSwan's ESP in userspace)"),
)
"""strongSwan's, and what for."""

NEEDED_BY_PLANE = {
    "kernel": ("charon-systemd", "strongswan-openssl", "xfrm-interface", "esp-aes-gcm", "esp-aes-cbc"),
    "userspace": ("charon-systemd", "strongswan-openssl", "strongswan-kernel-libipsec", "tun"),
}
"""What each data plane of IPsec tunnels needs, the preferred one first."""

FIXES = {
    "veth": "`modprobe veth`",
    "bridge": "`modprobe bridge`",
    "802.1Q": "`modprobe 8021q`",
    "vxlan": "`modprobe vxlan`",
    "nftables": "`apt install nftables`, `modprobe nf_tables`",
    "tcp-md5": "a kernel with CONFIG_TCP_MD5SIG",
    "xfrm-interface": "`modprobe xfrm_interface`",
    "esp-aes-gcm": "`modprobe esp4`, and aesni_intel or gcm",
    "esp-aes-cbc": "`modprobe esp4`, and aesni_intel or cbc",
    "esp-3des": "`modprobe des_generic`",
    "esp-des": "`modprobe des_generic`",
    "tun": "`modprobe tun`, and `chmod 0666 /dev/net/tun` so that everybody may use it",
    "netem": "`modprobe sch_netem`",
    "tbf": "`modprobe sch_tbf`",
}
"""Debian's kernel package linux-image-amd64 has all of these; a stripped one may not."""


@dataclass(frozen=True)
class Check:
    """``needed``: no lab without it. ``found``: what there is, or what went wrong."""

    name: str
    works: bool
    needed: bool
    purpose: str
    found: str | None = None
    fix: str | None = None


@click.command("doctor")
@format_option
@click.pass_context
def command(context: click.Context, output_format: str) -> None:
    """What this host can do, what is missing and where to get it.

    Changes nothing. Exits with 0 when a lab can run here, else with 3.
    """
    checks = [*_host(), *_kernel(), *_containers()]
    verdict = judge(checks)
    if output_format == "json":
        print_json(verdict | {"checks": [asdict(check) for check in checks]})
    else:
        _print_text(checks, verdict)
    if not verdict["can_run"]:
        context.exit(BackendError.exit_code)


def judge(checks: list[Check]) -> dict[str, Any]:
    """Whether a lab can run, and by which mechanisms."""
    missing = [check.name for check in checks if check.needed and not check.works]
    found = {check.name: check for check in checks}
    tagging, reason = _tagging(found)
    dataplane, obstacle = _dataplane(found)
    containers, engine = _in_containers(found)
    return {
        "can_run": not missing and tagging is not None,
        "missing": missing,
        "rootless": os.geteuid() != 0,
        "tagging": tagging,
        "tagging_reason": reason,
        "dataplane": dataplane,
        "dataplane_reason": obstacle,
        "containers": containers,
        "containers_reason": engine,
    }


def _tagging(checks: dict[str, Check]) -> tuple[str | None, str]:
    """As ``lab.runtime.capability.choose`` picks."""
    if "802.1Q" not in checks:
        return None, "the kernel could not be asked"
    if checks["802.1Q"].works:
        return "802.1Q", "the kernel has it"
    if checks["vxlan"].works:
        return "VXLAN", f"802.1Q: {checks['802.1Q'].found}"
    return None, "the kernel has neither 802.1Q nor VXLAN"


def _dataplane(checks: dict[str, Check]) -> tuple[str | None, str]:
    """What carries IPsec tunnels, as ``lab.runtime.planes.choose`` picks."""
    missing = {
        plane: [name for name in names if name in checks and not checks[name].works]
        for plane, names in NEEDED_BY_PLANE.items()
    }
    if not missing["kernel"]:
        return "kernel", "this kernel has ESP and xfrm interfaces"
    for either in missing["kernel"]:
        if either in missing["userspace"]:
            return None, f"{either} is missing"
    kernel = f"the kernel has no {missing['kernel'][0]}"
    if not missing["userspace"]:
        return "userspace", kernel
    return None, f"{kernel}, and {missing['userspace'][0]} is missing"


def _in_containers(checks: dict[str, Check]) -> tuple[bool, str | None]:
    """Whether `up --backend docker` works, too; by which engine, or why not."""
    for check in (checks.get("docker"), checks.get("images")):
        if check is not None and not check.works:
            return False, check.found
    return "docker" in checks, checks["docker"].found if "docker" in checks else None


# What is tried.


def _host() -> Iterator[Check]:
    yield Check("python", True, True, "mseelab itself", platform.python_version())
    yield _exabgp()
    for program, package, needed, purpose in PROGRAMS:
        place = shutil.which(program, path=node_environment()["PATH"])
        yield Check(program, place is not None, needed, purpose, place, f"`apt install {package}`")
    for plugin, purpose in PLUGINS:
        place = plugins.place(plugin)
        yield Check(f"strongswan-{plugin}", place is not None, False, purpose, place, plugins.fix(plugin))
    yield _run_folder()
    yield _memory()


def _exabgp() -> Check:
    check = Check("exabgp", True, True, "BGP sessions", fix="`make setup`")
    try:
        return replace(check, found=metadata.version("exabgp"))
    except metadata.PackageNotFoundError:
        return replace(check, works=False)


def _run_folder() -> Check:
    check = Check("run folder", False, True, "sockets and logs of running labs")
    try:
        folder = base_folder()
    except BackendError as error:
        return replace(check, found=error.message, fix=error.hint)
    free = shutil.disk_usage(folder).free
    found = f"{folder}, {free // MIB} MiB free"
    return replace(check, works=free >= LEAST_DISK, found=found, fix=f"make room: {LEAST_DISK // MIB} MiB")


def _memory() -> Check:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
            found = f"{available // MIB} MiB available"
            fix = f"the reference lab wants {LEAST_MEMORY // MIB} MiB"
            return Check("memory", available >= LEAST_MEMORY, False, "BGP daemons", found, fix)
    return Check("memory", True, False, "BGP daemons", "unknown")


def _kernel() -> Iterator[Check]:
    from lab.runtime.capability import ATTEMPTS, kernel_release, probe_all

    yield Check("kernel", True, True, "everything else", f"Linux {kernel_release()}")
    yield _user_namespaces()
    try:
        findings = probe_all()
    except BackendError as error:
        yield Check("namespaces", False, True, "nodes", error.message, error.hint)
        return
    yield Check("namespaces", True, True, "nodes")
    purposes = {name: purpose for name, _, _, purpose in ATTEMPTS}
    for finding in findings:
        purpose = purposes[finding.primitive]
        problem = None if finding.works else finding.detail.removeprefix(f"{purpose}: ")
        yield Check(
            finding.primitive, finding.works, finding.needed, purpose, problem, FIXES.get(finding.primitive)
        )


def _user_namespaces() -> Check:
    """Asked as an ordinary user, also by root, who can do without."""
    as_root = os.geteuid() == 0
    check = Check("user namespaces", False, not as_root, "labs without root", fix=USER_NAMESPACE_HINT)
    identity: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_root else {}
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "true"],
            **identity,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return replace(check, found=f"could not try: {error.strerror}")
    return replace(check, works=done.returncode == 0, found=done.stderr.strip() or None)


def _containers() -> Iterator[Check]:
    from lab.runtime.docker.engine import connected
    from lab.runtime.docker.images import require

    check = Check("docker", False, False, "labs in containers")
    try:
        with connected() as engine:
            engine.require()
            found = f"Docker {engine.facts.version} at {engine.address}"
            check = replace(check, works=True, found=found)
            yield check
            check = Check("images", False, False, "labs in containers")
            require(engine)
            yield replace(check, works=True)
    except BackendError as error:
        yield replace(check, works=False, found=error.message, fix=error.hint)


# Text.


def _print_text(checks: list[Check], verdict: dict[str, Any]) -> None:
    print_table(
        ("STATE", "WHAT", "FOR", "FOUND"),
        [(_state(check), check.name, check.purpose, check.found) for check in checks],
    )
    missing = [check for check in checks if not check.works]
    if missing:
        click.echo()
        heading("Missing, and where to get it:")
    for check in missing:
        need = "needed" if check.needed else "optional"
        click.echo(f"  {check.name} ({need}): {check.fix or 'no advice'}")
    click.echo()
    if verdict["can_run"]:
        how = "without root" if verdict["rootless"] else "as root"
        heading(f"A lab can run here: {how}, tags by {verdict['tagging']} ({verdict['tagging_reason']}).")
        carried = f"in {WHERE[verdict['dataplane']]}" if verdict["dataplane"] else "not at all"
        click.echo(f"IPsec tunnels: {carried} ({verdict['dataplane_reason']}).")
        contained = "can run" if verdict["containers"] else "cannot"
        click.echo(f"Labs in containers: {contained} ({verdict['containers_reason']}).")
    else:
        heading(f"No lab can run here: {', '.join(verdict['missing']) or verdict['tagging_reason']}.")


def _state(check: Check) -> str:
    return "works" if check.works else "missing"
