"""What JupyterLab's server does for the Go kernel, which knows neither stop_on_error nor history_request.

Cells that wait are held here and not by the kernel, so that an error or an interrupt ends them too, as Jupyter's own kernels do.
"""
from collections import deque

from gonb_messages import tidy
from jupyter_client.session import DELIM, json_packer, json_unpacker
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

PROTOCOL = "v1.kernel.websocket.jupyter.org"  # what JupyterLab speaks; of an older client every message passes as it is


class Kernel(ServerKernelManager):
    """A kernel that counts how often it was interrupted, since a cell may end without an error then, and restarted."""

    interrupts = restarts = 0

    async def interrupt_kernel(self):
        self.interrupts += 1
        await super().interrupt_kernel()

    async def restart_kernel(self, *args, **kwargs):
        self.restarts += 1
        await super().restart_kernel(*args, **kwargs)


class Connection(ZMQChannelsWebsocketConnection):
    """A page's connection to its kernel, which hands over one cell at a time."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.restarts = self.kernel_manager.restarts
        self.running = None  # what the kernel has: id, whether an error stops what follows, and how often it was interrupted before
        self.held = deque()  # requests that wait, as they came

    def handle_incoming_message(self, message):
        if self.subprotocol != PROTOCOL or not self.channels:
            return super().handle_incoming_message(message)
        channel, parts = deserialize_msg_from_ws_v1(message)
        header = json_unpacker(parts[0])
        if channel == "shell" and header["msg_type"] == "history_request":
            self.answer(header, "history_reply", {"status": "ok", "history": []})
        elif channel == "shell" and header["msg_type"] == "execute_request":
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
        identities, parts = self.session.feed_identities(message)
        kind = json_unpacker(parts[1])["msg_type"]
        if kind in ("display_data", "error", "kernel_info_reply"):
            parts[4] = json_packer(tidy(kind, json_unpacker(parts[4])))
            message = [*identities, DELIM, *parts]
        super().handle_outgoing_message(stream, message)
        if kind == "execute_reply":
            self.done(json_unpacker(parts[2]).get("msg_id"), json_unpacker(parts[4]).get("status"))

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
            self.answer(header, "execute_reply", {"status": "aborted"})

    def answer(self, parent, kind, content):
        """Sends a reply, and that the kernel is done with the request."""
        for channel, kind, content in (("shell", kind, content), ("iopub", "status", {"execution_state": "idle"})):
            message = self.session.msg(kind, content, parent={"header": parent})
            self.write_message(serialize_msg_to_ws_v1(message, channel, json_packer), binary=True)

    def on_kernel_restarted(self):
        self.running, self.held = None, deque()
        super().on_kernel_restarted()

    def disconnect(self):
        # The page is closed, and its cells go on; but not in a kernel that was restarted and knows nothing of what they need.
        while self.channels and self.held and self.kernel_manager.restarts == self.restarts:
            parts = deserialize_msg_from_ws_v1(self.held.popleft()[2])[1]
            self.session.send_raw(self.channels["shell"], parts)  # no way in for who has hung up
        super().disconnect()
