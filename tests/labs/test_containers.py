"""Labs in containers: what is theirs, what comes back, what is left, and what is not theirs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab, eventually, mseelab, start, unique

from lab.errors import BackendError
from lab.probe.child import in_child
from lab.runtime.control import Control
from lab.runtime.docker.containers import FOLDER, LAB, NODE, VERSION
from lab.runtime.docker.engine import Engine
from lab.runtime.docker.images import BASE
from lab.runtime.isolation import isolate_for
from lab.runtime.names import DOCKER
from lab.runtime.process import node_environment
from lab.runtime.rundir import folder_of
from lab.timing import Budget, wait_until

pytestmark = pytest.mark.docker

TOPOLOGY = "expressroute-basic"
NAMESPACES = 17
SECURED = "expressroute-vpn"
HOST, VM, SECURE_VM = "app1", "10.17.1.4", "10.2.0.4"

NOBODY = 65534

AGAIN = Budget("test-again", 60)
"""Until what was restarted is whole: the far end of a session that died holds it for ten seconds."""


def up(topology: str, name: str) -> Lab:
    done = mseelab("up", topology, "--name", unique(name), "--backend", "docker", "--timeout", "150")
    assert done.returncode == 0, done.stderr
    return Lab(unique(name))


@contextmanager
def running(topology: str, name: str) -> Iterator[Lab]:
    lab = up(topology, name)
    try:
        yield lab
    finally:
        done = mseelab("down", "--name", lab.name)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def lab(containers: Engine) -> Iterator[Lab]:
    """The small lab, to be ill-treated."""
    with running(TOPOLOGY, "test-docker") as lab:
        yield lab


@pytest.fixture(scope="module")
def secured(containers: Engine) -> Iterator[Lab]:
    """One with tunnels."""
    with running(SECURED, "test-docker-vpn") as lab:
        yield lab


def of(engine: Engine, lab: str) -> dict[str, Any]:
    """The containers that say they are of this lab, running or not, by the node they are."""
    label = {"label": f"{LAB}={lab}"}
    found = engine.client.containers.list(all=True, filters=label, ignore_removed=True)
    return {each.labels[NODE]: each for each in found}


def statuses(engine: Engine, lab: Lab) -> set[str]:
    return {container.status for container in of(engine, lab.name).values()}


def whole(lab: Lab) -> bool:
    """Every link, session and tunnel is up, and every node runs."""
    seen = lab.inspect()
    return (
        {node["state"] for node in seen["nodes"]} == {"running"}
        and {link["state"] for link in seen["links"]} == {"up"}
        and {session["state"] for session in seen["bgp_sessions"]} == {"established"}
        and {tunnel["state"] for tunnel in seen["tunnels"]} <= {"established"}
    )


def until_whole(lab: Lab) -> None:
    wait_until(f"{lab.name} is whole", lambda: whole(lab), bool, AGAIN)


def times_back(lab: Lab, node: str) -> int:
    return sum(event["kind"] == "node-back" and event["node"] == node for event in lab.events())


def supervisor_of(lab: Lab) -> int:
    with closing(Control(folder_of(lab.name))) as control:
        return control.supervisor_pid()


# What they are.


def test_there_is_a_container_for_each_namespace_and_its_labels_say_whose_it_is(
    lab: Lab, containers: Engine
) -> None:
    found = of(containers, lab.name)
    assert len(found) == NAMESPACES
    for node, container in found.items():
        assert container.labels[FOLDER] == str(folder_of(lab.name).path)
        assert container.labels[NODE] == node
        assert container.labels[VERSION]


def test_a_container_has_no_more_rights_than_its_daemon_needs(lab: Lab, containers: Engine) -> None:
    for container in of(containers, lab.name).values():
        options = container.attrs["HostConfig"]
        assert options["Privileged"] is False
        assert options["NetworkMode"] == "none"
        assert container.attrs["Config"]["NetworkDisabled"]
        assert options["ReadonlyRootfs"] is True
        assert options["CapDrop"] == ["ALL"]
        assert set(options["CapAdd"]) <= {"NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"}
        assert options["SecurityOpt"] == ["no-new-privileges"]
        assert options["Memory"] > 0
        assert options["PidsLimit"] > 0
        assert not [bind for bind in options["Binds"] or [] if "docker.sock" in bind]
        assert "host" not in (options["PidMode"], options["IpcMode"], options["UsernsMode"])


def test_a_command_in_a_node_has_the_rights_of_its_container_and_sees_its_files(lab: Lab) -> None:
    said = lab.execute(HOST, "sh", "-c", "grep CapEff /proc/self/status; hostname; touch /mark").stdout
    assert int(said.split()[1], 16) == 1 << 12 | 1 << 13, "CAP_NET_ADMIN and CAP_NET_RAW"
    assert said.split()[2] == HOST
    assert not Path("/mark").exists()
    assert lab.execute(HOST, "touch", "/mark").returncode != 0
    assert lab.execute(HOST, "mount", "-t", "tmpfs", "none", "/tmp").returncode != 0


# What comes back.


def ports(lab: Lab, node: str) -> dict[str, str]:
    """Hardware addresses by interface."""
    links = json.loads(lab.execute(node, "ip", "-j", "link").stdout)
    return {link["ifname"]: link["address"] for link in links}


@pytest.mark.parametrize("node", ["core1", "msee1/private", "pe1", "msee1", "vnet-corp", "app1"])
def test_a_container_that_is_restarted_gets_all_it_had(lab: Lab, containers: Engine, node: str) -> None:
    before = ports(lab, node)
    of(containers, lab.name)[node].restart(timeout=1)
    until_whole(lab)
    eventually("packets go through", lambda: lab.reaches(HOST, VM), 30)
    assert ports(lab, node) == before, "neighbours know it by these"


def test_a_container_that_is_killed_is_started_again(lab: Lab, containers: Engine) -> None:
    of(containers, lab.name)["ce1/core"].kill()
    until_whole(lab)
    gone = [event for event in lab.events() if event["kind"] == "node-gone"]
    assert gone[-1]["node"] == "ce1/core"


def test_a_container_that_is_removed_is_made_again(lab: Lab, containers: Engine) -> None:
    of(containers, lab.name)["ce2/core"].remove(force=True)
    until_whole(lab)
    assert len(of(containers, lab.name)) == NAMESPACES


def test_a_fault_holds_in_the_container_that_takes_the_place(lab: Lab, containers: Engine) -> None:
    cut = lab.run("fault", "apply", "link_down", "link=ce1--pe1")
    assert cut.returncode == 0, cut.stderr
    try:
        before = times_back(lab, "pe1")
        of(containers, lab.name)["pe1"].restart(timeout=1)
        eventually("pe1 is back", lambda: times_back(lab, "pe1") > before, 30)
        states = {link["name"]: link["state"] for link in lab.inspect()["links"]}
        assert states["ce1--pe1"] == "down"
    finally:
        lab.run("fault", "clear", "--all")
    until_whole(lab)


@pytest.mark.parametrize("node", ["vpn1", "vpn1~vpngw-secure-0", "vpngw-secure-1~vpn1"])
def test_tunnels_come_back_with_their_containers(secured: Lab, containers: Engine, node: str) -> None:
    of(containers, secured.name)[node].restart(timeout=1)
    until_whole(secured)
    eventually("packets go through", lambda: secured.reaches(HOST, SECURE_VM), 30)


# What is left, and what is not theirs.


@pytest.fixture
def decoys(containers: Engine, host_alone: None) -> Iterator[Callable[[], bool]]:
    """Somebody else's container, network, interface and rules, by names like ours; whether they are all
    still there."""
    name, veth, table = f"mseelab-{unique('decoy')}", f"decoy{os.getpid() % 10000}", unique("mseelab-decoy")
    with ExitStack() as undo:
        stranger = containers.client.containers.run(BASE, name=name, network_mode="none", detach=True)
        undo.callback(stranger.remove, force=True)
        network = containers.client.networks.create(name, internal=True)
        undo.callback(network.remove)
        run("ip", "link", "add", veth, "type", "veth", "peer", "name", f"{veth}p")
        undo.callback(run, "ip", "link", "del", veth)
        run("nft", "add", "table", "inet", table)
        undo.callback(run, "nft", "delete", "table", "inet", table)

        def untouched() -> bool:
            stranger.reload()
            network.reload()
            there = Path(f"/sys/class/net/{veth}").exists()
            return stranger.status == "running" and there and table in run("nft", "list", "tables")

        yield untouched


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=node_environment()).stdout


def test_down_leaves_nothing_of_the_lab_and_all_of_others(
    containers: Engine, decoys: Callable[[], bool], lab: Lab
) -> None:
    with running(TOPOLOGY, "test-second") as second:
        assert len(of(containers, second.name)) == NAMESPACES
    assert not of(containers, second.name)
    assert decoys()
    assert len(of(containers, lab.name)) == NAMESPACES, "another lab's are not touched either"
    assert whole(lab)


def test_what_a_killed_supervisor_leaves_is_removed_by_who_looks_next(
    containers: Engine, decoys: Callable[[], bool]
) -> None:
    killed = up(SECURED, "test-killed")
    os.kill(supervisor_of(killed), signal.SIGKILL)
    eventually("it is no lab any more", lambda: not folder_of(killed.name).is_claimed())
    eventually("nothing runs on", lambda: not statuses(containers, killed) - {"exited"}, 30)
    assert killed.name not in mseelab("list").stdout
    assert not of(containers, killed.name)
    assert not folder_of(killed.name).path.exists()
    assert decoys()


def test_a_lab_begins_where_a_killed_one_of_its_name_has_been(containers: Engine) -> None:
    killed = up(TOPOLOGY, "test-again")
    os.kill(supervisor_of(killed), signal.SIGKILL)
    with running(TOPOLOGY, "test-again") as lab:
        assert whole(lab)


def test_who_gives_up_waiting_leaves_nothing(containers: Engine) -> None:
    name = unique("test-given-up")
    command = start("up", TOPOLOGY, "--name", name, "--backend", "docker", mark="")
    eventually("containers have been begun", lambda: bool(of(containers, name)), 60)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 130
    eventually("no container is left", lambda: not of(containers, name), 30)
    assert not folder_of(name).path.exists()


def test_a_scenario_that_is_ended_early_leaves_nothing(containers: Engine, tmp_path: Path) -> None:
    name = unique("test-early")
    file = tmp_path / "early.yaml"
    step = "{say: Never., session: {node: ce1/core, neighbor: msee1/private, established_transitions: 9}}"
    file.write_text(f"name: early\ntopology: {TOPOLOGY}\nsteps: [{step}]\n")
    command = start("test", str(file), "--name", name, "--backend", "docker", mark="")
    eventually("it runs", lambda: '"lab-running"' in events_of(name), 60)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 130
    assert not of(containers, name)
    assert not folder_of(name).path.exists()


def events_of(lab: str) -> str:
    """What its log has; nothing before there is one."""
    with suppress(FileNotFoundError):
        return folder_of(lab).events.read_text()
    return ""


# What goes wrong.


def said(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == BackendError.exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root is refused before")
def test_without_an_engine_there_is_no_lab(tmp_path: Path) -> None:
    name = unique("test-no-engine")
    done = mseelab(
        "up", TOPOLOGY, "--name", name, "--backend", "docker", DOCKER_HOST=f"unix://{tmp_path}/none"
    )
    said(done, "hint: ", str(tmp_path))
    assert not folder_of(name).path.exists()


def test_who_is_not_root_is_refused_and_told_of_the_other_back_end() -> None:
    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        isolate_for(DOCKER)

    with pytest.raises(BackendError, match="root") as refused:
        in_child(as_nobody)
    assert "--backend netns" in str(refused.value.hint)
