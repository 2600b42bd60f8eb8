"""What JupyterLab's server does for the Go kernel, which knows neither stop_on_error nor history_request and says nothing while it
runs a cell.

Cells that wait are held here and not by the kernel, so that an error or an interrupt ends them too, as Jupyter's own kernels do. What
a cell says is kept until a page has it, so that a page that was closed and is opened again goes on where it was (see running.py).
"""
from collections import deque

from gonb_messages import ended, tidy
from jupyter_client.session import DELIM, json_packer, json_unpacker
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager
from running import Cells
from tornado.web import Finish

PROTOCOL = "v1.kernel.websocket.jupyter.org"  # what JupyterLab speaks; of an older client every message passes as it is


class Kernel(ServerKernelManager):
    """A kernel that counts how often it was interrupted, since a cell may end without an error then, and restarted. It knows its
    cells, and what it says of itself."""

    interrupts = restarts = 0
    info = ears = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.cells = Cells()
        self.words = Words()

    async def interrupt_kernel(self):
        self.interrupts += 1
        await super().interrupt_kernel()

    async def restart_kernel(self, *args, **kwargs):
        self.restarts += 1
        self.cells.clear()
        await super().restart_kernel(*args, **kwargs)

    async def _async_cleanup_resources(self, restart=False):
        if self.ears is not None:
            self.ears.close()
            self.ears = None
        await super()._async_cleanup_resources(restart=restart)

    def listen(self):
        """Hears, from now on, what the kernel says to all, whether a page is there or not."""
        if self.ears is None:
            self.ears = self.connect_iopub()
            self.ears.on_recv(self.hear)

    def hear(self, message):
        parts = self.session.feed_identities(message)[1]
        for parts in self.words(json_unpacker(parts[1])["msg_type"], parts):
            self.cells.hear(json_unpacker(parts[2]).get("msg_id"), json_unpacker(parts[1])["msg_type"], parts)


class Words:
    """What a kernel says, in words for who reads pages."""

    kept = None  # how a program has ended, which is passed on unless an error says it too

    def __call__(self, kind, parts):
        """Takes a message and returns the parts of those to pass on."""
        before = []
        if kind in ("error", "status"):
            before, self.kept = [self.kept] if self.kept and kind == "status" else [], None
        if kind in ("display_data", "error", "kernel_info_reply", "stream"):
            content = json_unpacker(parts[4])
            if ended(kind, content):
                self.kept = parts
                return before
            parts = [*parts[:4], json_packer(tidy(kind, content)), *parts[5:]]
        return [*before, parts]


class Connection(ZMQChannelsWebsocketConnection):
    """A page's connection to its kernel, which hands over one cell at a time."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.restarts = self.kernel_manager.restarts
        self.running = None  # what the kernel has: id, whether an error stops what follows, and how often it was interrupted before
        self.held = deque()  # requests that wait, as they came
        self.connected = False
        self.words = Words()

    @property
    def cells(self):
        return self.kernel_manager.cells

    async def prepare(self):
        await super().prepare()
        if self.websocket_handler.connection is not self:
            raise Finish  # the page was closed meanwhile, and nobody is there to connect

    def connect(self):
        self.connected = True
        self.kernel_manager.listen()
        return super().connect()

    def handle_incoming_message(self, message):
        if self.subprotocol != PROTOCOL or not self.channels:
            return super().handle_incoming_message(message)
        channel, parts = deserialize_msg_from_ws_v1(message)
        header = json_unpacker(parts[0])
        kind = header["msg_type"] if channel == "shell" else None
        if kind == "history_request":
            self.answer(header, "history_reply", {"status": "ok", "history": []})
        elif kind == "kernel_info_request" and self.kernel_manager.info and self.cells.running():
            self.answer(header, "kernel_info_reply", {**self.kernel_manager.info, "cells": self.cells.list()})
        elif kind == "execute_request":
            metadata = json_unpacker(parts[2])
            if "follow" in metadata:
                return self.cells.follow(metadata["follow"], self, header)
            self.cells.add(header, metadata.get("cellId"), self)
            self.held.append((header, json_unpacker(parts[3]).get("stop_on_error", True), message))
            self.go_on()
        else:
            super().handle_incoming_message(message)

    def go_on(self):
        """Gives the kernel the next request, if it has none."""
        if self.running is None and self.held:
            header, stop_on_error, message = self.held.popleft()
            self.running = header["msg_id"], stop_on_error, self.kernel_manager.interrupts
            super().handle_incoming_message(message)

    def handle_outgoing_message(self, stream, message):
        if self.subprotocol != PROTOCOL:
            return super().handle_outgoing_message(stream, message)
        parts = self.session.feed_identities(message)[1]
        kind = json_unpacker(parts[1])["msg_type"]
        for words in self.words(kind, parts):
            if kind == "kernel_info_reply":
                self.kernel_manager.info = json_unpacker(words[4])
                words[4] = json_packer({**self.kernel_manager.info, "cells": self.cells.list()})
            super().handle_outgoing_message(stream, [DELIM, *words])
        if kind in ("execute_reply", "status"):
            request, content = json_unpacker(parts[2]).get("msg_id"), json_unpacker(parts[4])
            if kind == "execute_reply":
                self.done(request, content.get("status"))
            elif content["execution_state"] == "idle":
                self.cells.shown(request, self)

    def done(self, request, status):
        """Goes on after a request that the kernel has answered, unless it failed or was interrupted."""
        if self.running is None or self.running[0] != request:
            return
        _, stop_on_error, interrupts = self.running
        self.running = None
        if status != "ok" and stop_on_error or self.kernel_manager.interrupts != interrupts:
            self.abort()
        self.go_on()

    def abort(self):
        """Answers what waits in place of the kernel."""
        held, self.held = self.held, deque()
        for header, _, _ in held:
            self.cells.drop(header["msg_id"])
            self.answer(header, "execute_reply", {"status": "aborted"})

    def answer(self, parent, kind, content):
        """Sends a reply, and that the kernel is done with the request; but if it runs a cell it is busy nevertheless."""
        self.send("shell", kind, content, parent)
        self.send("iopub", "status", {"execution_state": "idle"}, parent)
        if running := self.cells.running():
            self.send("iopub", "status", {"execution_state": "busy"}, running)

    def send(self, channel, kind, content, parent):
        message = self.session.msg(kind, content, parent={"header": parent})
        self.write_message(serialize_msg_to_ws_v1(message, channel, json_packer), binary=True)

    def repeat(self, parts, parent):
        """Sends what the kernel said to one request as if it were said to another."""
        _, header, _, *rest = parts
        self.write_message(serialize_msg_to_ws_v1([header, json_packer(parent), *rest], "iopub"), binary=True)

    def on_kernel_restarted(self):
        self.running, self.held = None, deque()
        super().on_kernel_restarted()

    def disconnect(self):
        if not self.connected:  # the page was closed while it waited to be connected: Jupyter's server counts it all the same
            if self._open_sessions.get(self.session_key) is self.websocket_handler:
                del self._open_sessions[self.session_key]
            return
        self.cells.leave(self)
        # The page is closed, and its cells go on; but not in a kernel that was restarted and knows nothing of what they need.
        while self.channels and self.held and self.kernel_manager.restarts == self.restarts:
            parts = deserialize_msg_from_ws_v1(self.held.popleft()[2])[1]
            self.session.send_raw(self.channels["shell"], parts)  # no way in for who has hung up
        super().disconnect()
