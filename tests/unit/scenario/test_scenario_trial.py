"""A scenario's lab is taken down however its scenario ends; without a lab, its way up and down faked."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from running_builders import memory_lab, session
from scenario_builders import REACH, ROUTE, SESSION, loaded

from lab.errors import BackendError
from lab.plan.tunnel_facts import without_tunnels
from lab.plan.types import Plan
from lab.runtime.launch import Progress, Ready
from lab.runtime.lifecycle import Up
from lab.runtime.rundir import RunFolder
from lab.scenario.memory import MemoryLab
from lab.scenario.result import Outcome, ScenarioResult, StepResult
from lab.scenario.stage import Stage
from lab.scenario.trial import Conditions, Watcher, lab_of, run
from lab.timing import CONVERGENCE, Budget

QUICK = Conditions(patience=0.001)


class ClosableLab(MemoryLab):
    def close(self) -> None:
        pass


class Host:
    """In the place of this host: which labs came up, and which went down."""

    def __init__(self) -> None:
        self.up: list[str] = []
        self.backends: list[str] = []
        self.steps = [Progress("wired 9 namespaces")]
        self.down: list[str] = []
        self.refuses: BackendError | None = None
        self.has_tunnels = True
        self.while_down: Callable[[], None] = lambda: None
        self.lab = memory_lab(sessions_of={"ce1/core": [session("msee1/private")]})

    def bring_up(
        self,
        make_plan: Callable[[], Plan],
        *,
        convergence: Budget,
        backend: str,
        lasting: bool,
        on_progress: Callable[[Progress], None],
    ) -> Up:
        self.backends.append(backend)
        if self.refuses is not None:
            raise self.refuses
        plan = make_plan()
        for step in self.steps:
            on_progress(step)
        self.up.append(plan.name)
        plan = plan if self.has_tunnels else without_tunnels(plan)
        return Up(plan, RunFolder(Path("/none") / plan.name), Ready(0.5, {}))

    def take_down(self, folder: RunFolder) -> None:
        self.while_down()
        self.down.append(folder.name)

    def connect(self, _folder: RunFolder, stage: Stage) -> ClosableLab:
        return ClosableLab(**vars(self.lab) | {"plan": stage.plan})


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr("lab.scenario.trial.bring_up", host.bring_up)
    monkeypatch.setattr("lab.scenario.trial.take_down", host.take_down)
    monkeypatch.setattr("lab.scenario.trial.LiveLab", host.connect)
    return host


class Recorder(Watcher):
    def __init__(self) -> None:
        self.told: list[str] = []

    def warned(self, text: str) -> None:
        self.told.append(f"warned: {text}")

    def came_up(self, ready: Ready) -> None:
        self.told.append(f"up after {ready.seconds} s")

    def step_ended(self, step: StepResult) -> None:
        self.told.append(f"step {step.number} {step.outcome.value}")

    def stopped(self, result: ScenarioResult, folder: RunFolder) -> None:
        self.told.append(f"stopped at step {result.stopped_at.number if result.stopped_at else None}")


def test_a_scenario_that_holds_comes_up_under_its_name_and_goes_down(host: Host) -> None:
    recorder = Recorder()
    result = run(loaded(SESSION), "mine", QUICK, recorder)
    assert result.outcome is Outcome.PASSED
    assert (result.lab, result.up_seconds, result.topology) == ("mine", 0.5, "expressroute-vpn")
    assert host.up == host.down == ["mine"]
    assert recorder.told == ["up after 0.5 s", "step 1 passed"]


def test_a_scenarios_lab_lives_where_its_conditions_say(host: Host) -> None:
    run(loaded(SESSION), "mine", QUICK, Watcher())
    run(loaded(SESSION), "mine", replace(QUICK, backend="docker"), Watcher())
    assert host.backends == ["auto", "docker"]


def test_who_watches_hears_what_the_lab_will_lack_and_of_no_other_step(host: Host) -> None:
    host.steps.append(Progress("no IPsec tunnels: no charon", warning=True))
    recorder = Recorder()
    run(loaded(SESSION), "mine", QUICK, recorder)
    assert recorder.told == ["up after 0.5 s", "warned: no IPsec tunnels: no charon", "step 1 passed"]


@pytest.mark.parametrize(
    "step",
    [
        "- {say: It is up., tunnel: {node: vpn1, peer: vpngw-secure-0}}",
        "- {say: It is not., no_tunnel: {node: vpn1, peer: vpngw-secure-0, holds_for: keepalive}}",
    ],
)
def test_a_scenario_of_tunnels_is_skipped_where_there_are_none(host: Host, step: str) -> None:
    host.has_tunnels = False
    host.steps.append(Progress("no IPsec tunnels: no charon", warning=True))
    recorder = Recorder()
    result = run(loaded(REACH, step, SESSION), "mine", QUICK, recorder)
    assert (result.outcome, result.skipped) == (Outcome.SKIPPED, "no IPsec tunnels: no charon")
    assert (result.steps, host.down) == ((), ["mine"])
    assert recorder.told == ["up after 0.5 s"]


def test_any_other_scenario_runs_without_them(host: Host) -> None:
    host.has_tunnels = False
    assert run(loaded(SESSION), "mine", QUICK, Watcher()).outcome is Outcome.PASSED


def test_who_watches_may_look_at_the_lab_of_a_false_claim_before_it_goes(host: Host) -> None:
    host.lab.sessions_of["ce1/core"] = [session("msee1/private", "active")]
    recorder = Recorder()
    host.while_down = lambda: recorder.told.append("down")
    result = run(loaded(SESSION, ROUTE), "mine", QUICK, recorder)
    assert result.outcome is Outcome.FAILED
    assert recorder.told == [
        "up after 0.5 s",
        "step 1 failed",
        "step 2 not-run",
        "stopped at step 1",
        "down",
    ]


@pytest.mark.parametrize(("state", "left"), [("active", True), ("established", False)])
def test_only_the_lab_of_a_false_claim_is_kept(host: Host, state: str, left: bool) -> None:
    host.lab.sessions_of["ce1/core"] = [session("msee1/private", state)]
    run(loaded(SESSION), "mine", Conditions(patience=0.001, keep=True), Watcher())
    assert host.down == ([] if left else ["mine"])


def test_a_lab_that_does_not_come_up_is_a_result(host: Host) -> None:
    host.refuses = BackendError("nft is not installed", hint="make setup")
    result = run(loaded(SESSION), "mine", QUICK, Watcher())
    assert result.outcome is Outcome.ERROR
    assert (result.error, result.hint, result.up_seconds) == ("nft is not installed", "make setup", None)


def test_a_lab_that_does_not_go_down_is_a_result_and_its_steps_are_kept(host: Host) -> None:
    def refuse() -> None:
        raise BackendError("it did not end in 15 s (lab-end)")

    host.while_down = refuse
    result = run(loaded(SESSION), "mine", QUICK, Watcher())
    assert result.outcome is Outcome.ERROR
    assert result.error == "it did not end in 15 s (lab-end)"
    assert [step.outcome for step in result.steps] == [Outcome.PASSED]


def end_with_a_lab_in_hand(by: signal.Signals) -> None:
    with lab_of(loaded(SESSION).start, "mine", CONVERGENCE):
        os.kill(os.getpid(), by)
        signal.pause()


def interrupted(host: Host, by: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        end_with_a_lab_in_hand(by)
    assert host.down == ["mine"]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_us_ends_the_lab_too(host: Host, by: signal.Signals) -> None:
    interrupted(host, by)


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_an_impatient_second_ctrl_c_does_not_leave_the_lab_behind(host: Host, again: signal.Signals) -> None:
    host.while_down = lambda: os.kill(os.getpid(), again)
    interrupted(host, signal.SIGINT)


def test_signals_mean_afterwards_what_they_meant_before(host: Host) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    run(loaded(SESSION), "mine", QUICK, Watcher())
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


FLOW = "- {say: They talk., flow: {name: talk, source: app1, destination: 10.17.1.4}}"
ELSEWHERE = "- {say: Nowhere., session: {node: ce2/core, neighbor: msee2/private}}"


def flowing(host: Host, *steps: str) -> ScenarioResult:
    scenario = loaded(FLOW, *steps)
    host.lab.plan = scenario.start.plan
    return run(scenario, "mine", QUICK, Watcher())


@pytest.mark.parametrize("state", ["established", "active"])
def test_a_result_has_what_came_of_flows_whether_claims_hold_or_not(host: Host, state: str) -> None:
    host.lab.sessions_of["ce1/core"] = [session("msee1/private", state)]
    result = flowing(host, SESSION)
    assert [flow.stream.name for flow in result.flows] == ["talk"]


def test_a_lab_that_broke_is_not_asked_for_flows(host: Host) -> None:
    result = flowing(host, ELSEWHERE)
    assert result.outcome is Outcome.ERROR
    assert (result.flows, result.error) == ((), None)
