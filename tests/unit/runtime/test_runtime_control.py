"""The control protocol over a real socket: both of its ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BackendError, InputError
from lab.plan.types import Plan
from lab.runtime import control
from lab.runtime.control import Control, Reply, listen, pack, serve, unpack
from lab.runtime.rundir import RunFolder
from lab.timing import Budget

Answer = Callable[[dict[str, Any]], Reply]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def served(folder: RunFolder, answer: Answer, client: Callable[[Control], Any]) -> Any:
    """What ``client`` returns, with a server beside it that has ``answer`` for each request."""

    async def handler(request: dict[str, Any]) -> Reply:
        return answer(request)

    def connect() -> Any:
        with closing(Control(folder)) as connected:
            return client(connected)

    async def both() -> Any:
        server = await serve(listen(folder.control_socket), handler)
        async with server:
            try:
                return await asyncio.to_thread(connect)
            finally:
                await _connections_ended()

    return asyncio.run(both())


async def _connections_ended() -> None:
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    await asyncio.sleep(0)  # a transport closes its socket in the next turn of the loop


def echo(request: dict[str, Any]) -> Reply:
    return Reply(request)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# --- questions and answers ---


def test_a_request_arrives_with_its_details(folder: RunFolder) -> None:
    answer = served(folder, echo, lambda lab: lab.ask("routes", node="ce1/core", prefix=None))
    assert answer == {"do": "routes", "node": "ce1/core", "prefix": None}


@pytest.mark.parametrize("value", [None, [], {}, 0, "", 'a "b"\nc', "ünïcode \u2028", [1, {"a": [None]}]])
def test_any_answer_arrives_as_it_was(folder: RunFolder, value: Any) -> None:
    assert served(folder, lambda _: Reply(value), lambda lab: lab.ask("x")) == value


def test_one_connection_serves_many_requests(folder: RunFolder) -> None:
    answers = served(folder, echo, lambda lab: [lab.ask("x", n=n)["n"] for n in range(50)])
    assert answers == list(range(50))


def test_answers_and_requests_may_be_large(folder: RunFolder) -> None:
    large = "x" * 3_000_000
    assert served(folder, echo, lambda lab: lab.ask("x", large=large)["large"]) == large


def test_two_clients_are_served_at_once(folder: RunFolder) -> None:
    def with_another(lab: Control) -> list[Any]:
        with closing(Control(folder)) as other:
            return [other.ask("b")["do"], lab.ask("a")["do"], other.ask("c")["do"]]

    assert served(folder, echo, with_another) == ["b", "a", "c"]


# --- errors ---


@pytest.mark.parametrize("kind", [InputError, BackendError])
@pytest.mark.parametrize("hint", [None, "try something else"])
def test_an_error_arrives_as_the_error_it_was(
    folder: RunFolder, kind: type[InputError | BackendError], hint: str | None
) -> None:
    def refuse(_request: dict[str, Any]) -> Reply:
        raise kind("no node ce9", hint=hint)

    with pytest.raises(kind) as refused:
        served(folder, refuse, lambda lab: lab.ask("x"))
    assert (refused.value.message, refused.value.hint) == ("no node ce9", hint)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "Too many open files"),
        (OSError("no room"), "no room"),
    ],
)
def test_what_the_system_refuses_the_lab_is_an_error_and_no_end(
    folder: RunFolder, failure: OSError, said: str
) -> None:
    def refuse(request: dict[str, Any]) -> Reply:
        if request["do"] == "much":
            raise failure
        return Reply("done")

    def client(lab: Control) -> Any:
        with pytest.raises(BackendError) as refused:
            lab.ask("much")
        assert refused.value.message == f"the lab cannot do that now: {said}"
        return lab.ask("little")

    assert served(folder, refuse, client) == "done"


def test_the_connection_outlives_an_error(folder: RunFolder) -> None:
    def refuse_once(request: dict[str, Any]) -> Reply:
        if request["do"] == "bad":
            raise InputError("bad")
        return Reply("good")

    def client(lab: Control) -> Any:
        with pytest.raises(InputError):
            lab.ask("bad")
        return lab.ask("good")

    assert served(folder, refuse_once, client) == "good"


def test_a_lab_that_is_not_there_does_not_answer(folder: RunFolder) -> None:
    with pytest.raises(BackendError, match="does not answer: No such file") as missing:
        Control(folder)
    assert missing.value.hint


def test_a_socket_nobody_listens_at_does_not_answer(folder: RunFolder) -> None:
    with closing(listen(folder.control_socket)), pytest.raises(BackendError, match="Connection refused"):
        Control(folder)


def test_a_lab_that_ends_while_it_is_asked_is_said_to_have_ended(folder: RunFolder) -> None:
    with closing(listen(folder.control_socket)) as server:
        server.listen()
        with closing(Control(folder)) as lab:
            connection, _ = server.accept()

            def end() -> None:
                connection.recv(4096)
                connection.sendall(b'{"answer"')
                connection.close()

            ending = threading.Thread(target=end)
            ending.start()
            with pytest.raises(BackendError, match="ended while it was asked"):
                lab.ask("x")
            ending.join()


def test_a_lab_that_says_nothing_is_given_up_within_a_budget(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "CONTROL_ANSWER", Budget("short-answer", 0.05))
    with closing(listen(folder.control_socket)) as server:
        server.listen()
        with closing(Control(folder)) as lab, pytest.raises(BackendError, match=r"0\.05 s \(short-answer\)"):
            lab.ask("x")


# --- packed values ---


def test_a_packed_value_comes_back_as_it_was() -> None:
    plan = Plan("packed", description="ünïcode", expected_down=(("a", "b"),))
    assert unpack(pack(plan), Plan) == plan


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ünïcode", pack("a string")])
def test_what_is_no_packed_plan_is_a_wrong_input(text: str) -> None:
    with pytest.raises(InputError, match="Plan"):
        unpack(text, Plan)


# --- descriptors ---


def test_descriptors_travel_with_an_answer(folder: RunFolder, tmp_path: Path) -> None:
    texts = ["one", "two", "three", "four"]
    for text in texts:
        (tmp_path / text).write_text(text)
    ours = [os.open(tmp_path / text, os.O_RDONLY) for text in texts]

    def client(lab: Control) -> Any:
        answer, fds = lab.ask_with_fds("namespace")
        try:
            return answer, [os.read(fd, 10).decode() for fd in fds]
        finally:
            for fd in fds:
                os.close(fd)

    try:
        assert served(folder, lambda _: Reply({"a": 1}, tuple(ours)), client) == ({"a": 1}, texts)
    finally:
        for fd in ours:
            os.close(fd)


def test_a_descriptor_that_is_given_is_the_clients_alone(folder: RunFolder) -> None:
    """So the other end of a pair sees when the client has closed it."""
    ours, theirs = socket.socketpair()
    given = theirs.detach()

    def client(lab: Control) -> bytes:
        _, fds = lab.ask_with_fds("keys")
        for fd in fds:
            os.close(fd)
        ours.settimeout(5)
        return ours.recv(1)

    with ours:
        assert served(folder, lambda _: Reply(None, given=(given,)), client) == b""


def test_answers_with_and_without_descriptors_alternate(folder: RunFolder) -> None:
    def client(lab: Control) -> list[tuple[Any, int]]:
        seen = []
        for n in range(6):
            value, fds = lab.ask_with_fds("x", n=n)
            seen.append((value, len(fds)))
            for fd in fds:
                os.close(fd)
        return seen

    with Path(os.devnull).open() as null:

        def answer(request: dict[str, Any]) -> Reply:
            return Reply(request["n"], (null.fileno(),) if request["n"] % 2 else ())

        assert served(folder, answer, client) == [(n, n % 2) for n in range(6)]


def test_descriptors_travel_with_an_answer_of_many_pieces(folder: RunFolder) -> None:
    def client(lab: Control) -> tuple[str, int]:
        answer, fds = lab.ask_with_fds("namespace")
        for fd in fds:
            os.close(fd)
        return answer, len(fds)

    large = "x" * 3_000_000
    with Path(os.devnull).open() as null:
        assert served(folder, lambda _: Reply(large, (null.fileno(),)), client) == (large, 1)


def test_who_asks_without_wanting_descriptors_keeps_none(folder: RunFolder) -> None:
    def client(lab: Control) -> int:
        lab.ask("nothing")
        before = open_descriptors()
        lab.ask("namespace")
        lab.ask("nothing")  # the server has let go of what it needed to send them
        return open_descriptors() - before

    with Path(os.devnull).open() as null:

        def answer(request: dict[str, Any]) -> Reply:
            return Reply(None, (null.fileno(),) if request["do"] == "namespace" else ())

        assert served(folder, answer, client) == 0


def test_a_client_that_does_not_read_holds_up_nobody_even_after_descriptors(folder: RunFolder) -> None:
    def client(lab: Control) -> Any:
        with closing(socket.socket(socket.AF_UNIX)) as lazy:
            lazy.connect(str(folder.control_socket))
            lazy.sendall(b'{"do": "namespace"}\n')
            _, fds, _, _ = socket.recv_fds(lazy, 4096, 1)
            os.close(fds[0])
            lazy.sendall(b'{"do": "large"}\n')
            return lab.ask("small")

    with Path(os.devnull).open() as null:
        replies = {
            "namespace": Reply("here", (null.fileno(),)),
            "large": Reply("x" * 3_000_000),
            "small": Reply("quick"),
        }
        assert served(folder, lambda request: replies[request["do"]], client) == "quick"


# --- the socket ---


def test_only_its_owner_may_use_the_socket(folder: RunFolder) -> None:
    with closing(listen(folder.control_socket)):
        status = folder.control_socket.stat()
        assert stat.S_ISSOCK(status.st_mode)
        assert stat.S_IMODE(status.st_mode) == 0o600


def test_a_lab_with_a_long_path_is_controlled_too(tmp_path: Path) -> None:
    """A socket address holds 108 octets (unix(7))."""
    long = RunFolder(tmp_path / ("x" * 120) / ("y" * 120))
    long.path.mkdir(parents=True)
    assert served(long, echo, lambda lab: lab.ask("x"))["do"] == "x"


def test_the_supervisor_is_known_by_its_pid(folder: RunFolder) -> None:
    assert served(folder, echo, lambda lab: lab.supervisor_pid()) == os.getpid()


def test_a_client_that_leaves_early_disturbs_nobody(folder: RunFolder) -> None:
    def client(lab: Control) -> Any:
        with closing(socket.socket(socket.AF_UNIX)) as hasty:
            hasty.connect(str(folder.control_socket))
            hasty.sendall(b'{"do": "x"}\n')
        return lab.ask("y")["do"]

    assert served(folder, echo, client) == "y"
