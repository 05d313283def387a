"""Verbs that ask a lab: list, inspect, show, why, events; against a fake far end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cli_fake_lab import EVENTS, LAB, fake_lab

from lab.cli import run
from lab.errors import InputError
from lab.runtime.rundir import RunFolder

ROUTES: list[dict[str, Any]] = [
    {
        "prefix": prefix,
        "best": best,
        "multipath": multipath,
        "peer": peer,
        "path_id": 0,
        "weight": 0,
        "next_hop": "192.0.2.1",
        "as_path": [12076, 65515],
        "local_pref": 100,
        "med": None,
        "origin": "igp",
        "communities": ["12076:51026"],
        "reason": reason,
    }
    for prefix, best, multipath, peer, reason in [
        ("0.0.0.0/0", True, True, "pe1", "only-route"),
        ("10.17.0.0/16", True, True, "msee1", "bgp-identifier"),
        ("10.17.0.0/16", False, True, "msee2", "bgp-identifier"),
        ("10.17.0.0/16", False, False, "ce2", "external"),
    ]
]

Start = Callable[..., RunFolder]

pytestmark = pytest.mark.usefixtures("base")


@pytest.fixture
def start(base: Path) -> Iterator[Start]:
    """``start(name, request=answer)``: a lab that answers so."""
    with ExitStack() as stack:
        yield lambda name="demo", **answers: stack.enter_context(
            fake_lab(base, name, {"inspect": LAB | {"lab": name}} | answers)
        )


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """``lines(words)``: what a command line that is fine prints."""

    def printed(*words: str) -> list[str]:
        assert run(list(words)) == 0
        return capsys.readouterr().out.splitlines()

    return printed


Lines = Callable[..., list[str]]


def failure(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    assert run(list(words)) == code
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


# Which lab.


def test_without_a_lab_the_hint_is_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`mseelab up` starts one" in failure(capsys, 2, "inspect")


def test_of_several_labs_one_must_be_named(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start("east")
    start("west")
    assert "one of east, west" in failure(capsys, 2, "inspect")
    assert run(["inspect", "--name", "west"]) == 0
    assert "west: running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        ("kernel", "IPsec is in the kernel: because"),
        ("userspace", "IPsec is in userspace: because"),
        (None, "There are no IPsec tunnels: because"),
    ],
)
def test_what_carries_tunnels_is_told_with_the_reason(
    plane: str | None, words: str, start: Start, lines: Lines
) -> None:
    start(inspect=LAB | {"dataplane": plane, "dataplane_reason": "because"})
    assert words in lines("inspect")


def test_the_environment_may_name_the_lab(
    start: Start, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("east")
    start("west")
    monkeypatch.setenv("MSEELAB_NAME", "east")
    monkeypatch.setenv("MSEELAB_FORMAT", "json")
    assert json.loads("".join(lines("inspect")))["lab"] == "east"


@pytest.mark.parametrize("name", ["nosuch", "..", "a/b", "", "x" * 300])
def test_a_lab_that_does_not_run_is_a_wrong_input(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Traceback" not in failure(capsys, 2, "inspect", "--name", name)


# list


def test_list_without_labs_says_so(lines: Lines) -> None:
    assert lines("list") == ["no lab is running; `mseelab up` starts one"]
    assert lines("list", "-f", "json") == ["[]"]


def test_list_names_every_lab_with_its_topology(start: Start, lines: Lines) -> None:
    start("east")
    heading, row = lines("list")
    assert heading.split() == ["NAME", "STATE", "TOPOLOGY", "NODES", "UPTIME", "BACKEND"]
    assert row.split()[:4] == ["east", "running", "of-the-file", "2"]
    (entry,) = json.loads("".join(lines("list", "-f", "json")))
    assert entry["name"] == "east"
    assert entry["uptime_s"] > 0


def test_a_lab_on_its_way_up_is_listed_as_starting(start: Start, lines: Lines) -> None:
    folder = start("east")
    folder.control_socket.unlink()
    folder.topology.unlink()
    folder.events.unlink()
    (entry,) = json.loads("".join(lines("list", "-f", "json")))
    assert (entry["state"], entry["topology"], entry["nodes"]) == ("starting", None, None)


# inspect


def test_inspect_as_json_is_the_answer_of_the_lab(start: Start, lines: Lines) -> None:
    start()
    assert json.loads("".join(lines("inspect", "-f", "json"))) == LAB


def test_inspect_shows_every_section_with_its_states(start: Start, lines: Lines) -> None:
    start()
    text = lines("inspect")
    assert text[0] == "demo: running (netns, rootless, tags by VXLAN)"
    rows = [row.split() for row in text]
    assert ["ce1", "core", "edge-router", "restarting"] in rows
    assert ["ce1--pe1", "ce1:to-pe1", "pe1:to-ce1", "down"] in rows
    assert ["ce1/core", "msee1/private", "192.168.100.130", "12076", "idle", "0"] in rows
    assert text[-1] == "Tunnels: none"


def test_inspect_shows_tunnels_where_there_are_some(start: Start, lines: Lines) -> None:
    tunnel = {"name": "t1", "node": "vpn1", "peer": "gw0", "state": "established"}
    start(inspect=LAB | {"tunnels": [tunnel | {"bytes_in": 5, "bytes_out": 7, "problem": "no answer"}]})
    assert lines("inspect")[-1].split() == ["t1", "vpn1", "gw0", "established", "5", "7", "no", "answer"]


# show


def test_show_routes_marks_the_best_and_what_is_used_beside_it(start: Start, lines: Lines) -> None:
    start(routes=ROUTES)
    rows = lines("show", "routes", "ce1")[1:]
    assert [row[:3].strip() for row in rows] == [">", ">", "=", ""]
    words = " ".join(rows[2].split())
    assert words == "= 10.17.0.0/16 192.0.2.1 msee2 100 12076 65515 12076:51026 bgp-identifier"


def test_show_routes_has_a_column_for_weights_where_there_are_some(start: Start, lines: Lines) -> None:
    start(routes=ROUTES)
    assert "WEIGHT" not in lines("show", "routes", "ce1")[0]
    start(routes=[ROUTES[0] | {"weight": 32769}, *ROUTES[1:]], name="gateways")
    titles, first, second, *_ = lines("show", "routes", "ergw-0", "--name", "gateways")
    assert titles.split()[4:8] == ["WEIGHT", "LOCAL", "PREF", "MED"]
    assert " ".join(first.split()).startswith("> 0.0.0.0/0 192.0.2.1 pe1 32769 100")
    assert " ".join(second.split()).startswith("> 10.17.0.0/16 192.0.2.1 msee1 0 100")


def test_show_routes_as_json_is_the_answer_of_the_lab(start: Start, lines: Lines) -> None:
    start(routes=ROUTES)
    assert json.loads("".join(lines("show", "routes", "ce1", "-f", "json"))) == ROUTES


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("10.17.0.0/16", {"10.17.0.0/16"}),
        ("10.17.9.9", {"10.17.0.0/16"}),
        ("192.0.2.77", {"0.0.0.0/0"}),
        ("10.0.0.0/8", set()),
        ("2001:db8::1", set()),
    ],
)
def test_show_routes_of_a_prefix_or_of_the_longest_match(
    asked: str, shown: set[str], start: Start, lines: Lines
) -> None:
    start(routes=ROUTES)
    answer = json.loads("".join(lines("show", "routes", "ce1", asked, "-f", "json")))
    assert {route["prefix"] for route in answer} == shown


def test_show_routes_of_an_unknown_prefix_points_to_why(start: Start, lines: Lines) -> None:
    start(routes=ROUTES)
    assert lines("show", "routes", "ce1", "10.9.0.0/16") == [
        "no route to 10.9.0.0/16; `mseelab why` says more"
    ]


@pytest.mark.parametrize("verb", [["show", "routes"], ["why"]])
@pytest.mark.parametrize(
    ("prefix", "hint"),
    [("10.17.1.4/16", "did you mean 10.17.0.0/16?"), ("vm-corp", "for example 10.17.0.0/16")],
)
def test_a_wrong_prefix_is_told_before_anybody_is_asked(
    verb: list[str], prefix: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hint in failure(capsys, 2, *verb, "ce1", prefix)


def test_show_bgp_of_a_node_shows_the_sessions_of_its_vrfs(start: Start, lines: Lines) -> None:
    start()
    for node in ("ce1", "ce1/core"):
        assert json.loads("".join(lines("show", "bgp", node, "-f", "json"))) == LAB["bgp_sessions"]


def test_show_bgp_says_why_a_session_is_not_up(start: Start, lines: Lines) -> None:
    (session,) = LAB["bgp_sessions"]
    start(inspect=LAB | {"bgp_sessions": [session | {"last_error": "connection refused"}]})
    assert lines("show", "bgp", "ce1")[1].endswith("connection refused")


def test_show_bgp_says_why_a_session_is_kept_down(start: Start, lines: Lines) -> None:
    (session,) = LAB["bgp_sessions"]
    kept = session | {"held_down": True, "last_error": "more than 1000 IPv4 prefixes of our own"}
    start(inspect=LAB | {"bgp_sessions": [kept]})
    assert lines("show", "bgp", "ce1")[1].endswith("held down: more than 1000 IPv4 prefixes of our own")


def test_show_bgp_of_a_node_without_it_is_the_labs_own_error(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(sessions=InputError("app1 is not a BGP speaker of this lab", hint="there are: ce1/core"))
    assert failure(capsys, 2, "show", "bgp", "app1").splitlines() == [
        "mseelab: app1 is not a BGP speaker of this lab",
        "  hint: there are: ce1/core",
    ]


def test_show_tunnels_without_any_says_so(start: Start, lines: Lines) -> None:
    start()
    assert lines("show", "tunnels", "ce1") == ["this lab has no tunnels"]
    assert lines("show", "tunnels", "ce1", "-f", "json") == ["[]"]


def test_show_tunnels_says_what_was_dropped_and_why(start: Start, lines: Lines) -> None:
    keys = ("name", "peer", "interface", "remote_address", "state", "esp_proposal", "problem")
    counters = ("bytes_in", "bytes_out", "packets_in", "packets_out", "packets_dropped_integrity")
    tunnel = dict.fromkeys(keys) | dict.fromkeys(counters, 0) | {"node": "ce1"}
    drops = [{"packets_dropped_replay": 0}, {"packets_dropped_replay": 3, "packets_dropped_integrity": 1}]
    start(inspect=LAB | {"tunnels": [tunnel | each for each in drops]})
    title, none, some = lines("show", "tunnels", "ce1")
    assert "DROPPED" in title
    assert none.split() == ["0", "0", "0", "0"]
    assert some.endswith("3 replay, 1 integrity")


def test_show_tunnels_of_an_unknown_node_lists_the_nodes(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start()
    assert "there are: app1, ce1, ce1/core" in failure(capsys, 2, "show", "tunnels", "x")


# events


def test_events_are_json_lines_as_they_were_written(start: Start, lines: Lines) -> None:
    start()
    assert list(map(json.loads, lines("events"))) == EVENTS


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["--kind", "fib"], ["fib"]),
        (["--kind", "fib", "--kind", "progress"], ["progress", "fib"]),
        (["--node", "ce1"], ["session-up"]),
        (["--node", "ce1/core", "--node", "app1"], ["session-up", "fib"]),
        (["--node", "ce1", "--kind", "fib"], []),
    ],
)
def test_events_may_be_chosen(words: list[str], kinds: list[str], start: Start, lines: Lines) -> None:
    start()
    assert [json.loads(line)["kind"] for line in lines("events", *words)] == kinds


def test_events_for_people_have_the_time_since_the_start(start: Start, lines: Lines) -> None:
    start()
    assert [line.split() for line in lines("events", "-f", "text")] == [
        ["0.500", "s", "progress", "text='wired", "3", "namespaces'"],
        ["1.250", "s", "session-up", "ce1/core", "neighbor=msee1/private"],
        ["2.000", "s", "fib", "app1", "installed=10.0.0.0/24"],
    ]


def test_a_line_that_is_still_being_written_is_not_shown(start: Start, lines: Lines) -> None:
    folder = start()
    with folder.events.open("a") as log:
        log.write('{"time": 103, "at"')
    assert len(lines("events")) == len(EVENTS)


def test_a_line_written_in_two_pieces_is_read_as_one(tmp_path: Path) -> None:
    from lab.cli.events import _lines

    path = tmp_path / "log"
    with path.open("a") as writing, path.open() as reading:
        pieces = iter(["first\nsec", "ond\n"])

        def goes_on() -> bool:
            piece = next(pieces, "")
            writing.write(piece)
            writing.flush()
            return bool(piece)

        assert list(_lines(reading, goes_on)) == ["first\n", "second\n"]
