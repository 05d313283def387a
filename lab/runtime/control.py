"""The control socket of a running lab: one JSON object a line each way.

``{"do": "inspect"}`` is answered by ``{"answer": ...}`` or ``{"error": ..., "hint": ...}``;
``entrance`` and ``inside`` come with descriptors of a node's namespaces, so that a command joins the
lab as the child of whoever typed it: its terminal, signals and exit code need no relay.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.errors import BackendError, InputError, LabError, from_json, to_json
from lab.runtime.rundir import RunFolder, short_path
from lab.timing import CONTROL_ANSWER

if TYPE_CHECKING:
    import asyncio

LINE_LIMIT = 1 << 26

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reply:
    """An answer, and descriptors that travel with it; those ``given`` are closed here afterwards."""

    answer: Any
    fds: tuple[int, ...] = ()
    given: tuple[int, ...] = ()


def pack(value: object) -> str:
    """A value too rich for JSON, as text; whoever may use the socket owns the lab."""
    return b64encode(pickle.dumps(value)).decode()


def unpack(text: str, kind: type[Value]) -> Value:
    """The value of ``pack``. Raises InputError when it is none of that kind."""
    try:
        value = pickle.loads(b64decode(text, validate=True))
    except Exception as error:  # noqa: BLE001  anything may come of bytes that are no pickle
        raise InputError(f"this is no packed {kind.__name__}: {error}") from None
    if not isinstance(value, kind):
        raise InputError(f"this is a {type(value).__name__} and not a {kind.__name__}")
    return value


Handler = Callable[[dict[str, Any]], Awaitable[Reply]]


def listen(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as short:
        sock.bind(short)
    path.chmod(0o600)
    return sock


async def serve(sock: socket.socket, handler: Handler) -> asyncio.Server:
    """Answer requests until the server is closed."""
    import asyncio  # here: the command line's end has no use for it, and it is half its start-up

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                message, reply = await _handled(handler, line)
                try:
                    await _answer(writer, message, (*reply.fds, *reply.given))
                finally:
                    for fd in reply.given:
                        os.close(fd)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(on_client, sock=sock, limit=LINE_LIMIT)


async def _handled(handler: Handler, line: bytes) -> tuple[dict[str, Any], Reply]:
    """The message to send, and the reply it was made from."""
    try:
        reply = await handler(_request(line))
    except LabError as error:
        return to_json(error), Reply(None)
    except OSError as error:
        return to_json(BackendError(f"the lab cannot do that now: {error.strerror or error}")), Reply(None)
    return {"answer": reply.answer}, reply


def _request(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise InputError("a request is one JSON object a line")
    return request


async def _answer(writer: asyncio.StreamWriter, message: dict[str, Any], fds: tuple[int, ...]) -> None:
    data = json.dumps(message).encode() + b"\n"
    if fds:
        await writer.drain()
        duplicate = os.dup(writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=duplicate) as raw:
            raw.setblocking(True)
            socket.send_fds(raw, [data], list(fds))
            raw.setblocking(False)
        return
    writer.write(data)
    await writer.drain()


class Control:
    """The command line's end."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONTROL_ANSWER.seconds)
        try:
            with short_path(folder.control_socket) as short:
                self._socket.connect(short)
        except OSError as error:
            self._socket.close()
            raise BackendError(
                f"lab {folder.name} does not answer: {error.strerror}",
                hint="it may be on its way up or down; `mseelab list` shows what runs",
            ) from error

    def ask(self, do: str, **details: Any) -> Any:
        """The answer. Raises LabError as the supervisor says, BackendError when it is silent."""
        answer, fds = self.ask_with_fds(do, **details)
        for fd in fds:
            os.close(fd)
        return answer

    def ask_with_fds(self, do: str, **details: Any) -> tuple[Any, list[int]]:
        data = bytearray()
        fds: list[int] = []
        try:
            self._socket.sendall(json.dumps({"do": do, **details}).encode() + b"\n")
            while not data.endswith(b"\n"):
                piece, more, _, _ = socket.recv_fds(self._socket, 1 << 18, 8)
                if not piece:
                    raise BackendError(f"lab {self.folder.name} ended while it was asked")
                data += piece
                fds += more
        except TimeoutError:
            limit = f"{CONTROL_ANSWER.seconds:g} s ({CONTROL_ANSWER.name})"
            raise BackendError(f"lab {self.folder.name} did not answer in {limit}") from None
        except ConnectionError:
            raise BackendError(f"lab {self.folder.name} ended while it was asked") from None
        message = json.loads(data)
        if "error" in message:
            raise from_json(message)
        return message["answer"], fds

    def fileno(self) -> int:
        return self._socket.fileno()

    def supervisor_pid(self) -> int:
        """The supervisor's pid in our PID namespace (unix(7), SO_PEERCRED)."""
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], "little")

    def close(self) -> None:
        self._socket.close()
