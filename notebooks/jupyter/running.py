"""The cells that a kernel was given, with what they have said so far.

A page that is opened while cells run, or after they have run with no page there to hear them, asks to follow them (see desk.js), by a
request of its own for each: it is told what was said, and then what is being said.
"""
from jupyter_client.session import json_unpacker

LIMIT = 32 << 20  # bytes of what one cell says that are kept


class Cell:
    def __init__(self, header, name, page):
        self.header, self.name, self.page = header, name, page
        self.state = "waiting"
        self.said = {}  # in order; of a display that is updated again and again, the first word and the last
        self.heard = self.size = 0
        self.count = None
        self.status = "ok"
        self.followers = []  # connections, and their requests


class Cells:
    def __init__(self):
        self.by_request = {}

    def clear(self):
        self.by_request.clear()

    def add(self, header, name, page):
        """Notes that a page wants a cell run. name is the cell's in the page."""
        for request, cell in list(self.by_request.items()):
            if cell.name == name:
                cell.name = None  # what it says is of no more interest
                if cell.state == "done":
                    del self.by_request[request]
        self.by_request[header["msg_id"]] = Cell(header, name, page)

    def drop(self, request):
        self.by_request.pop(request, None)

    def leave(self, page):
        for cell in self.by_request.values():
            cell.followers = [f for f in cell.followers if f[0] is not page]
            if cell.page is page:
                cell.page = None

    def running(self):
        """Returns the header of the request that the kernel works on, or None."""
        return next((c.header for c in self.by_request.values() if c.state == "running"), None)

    def list(self):
        return [{"cell": c.name, "request": request} for request, c in self.by_request.items() if c.name]

    def hear(self, request, kind, parts):
        """Notes what the kernel said while it worked on a request, and tells who follows."""
        cell = self.by_request.get(request)
        if cell is None:
            return
        content = json_unpacker(parts[4]) if kind in ("status", "execute_input", "error", "update_display_data") else {}
        key = cell.heard = cell.heard + 1
        if kind == "execute_input":
            cell.count = content.get("execution_count")
        elif kind == "error":
            cell.status = "error"
        elif kind == "update_display_data":
            key = "display", content.get("transient", {}).get("display_id")
            cell.size -= size(cell.said.pop(key, []))
        elif kind == "status":
            cell.state = "done" if content["execution_state"] == "idle" else "running"
        if cell.size < LIMIT or kind == "status":
            cell.said[key] = parts
            cell.size += size(parts)
        for page, header in cell.followers:
            page.repeat(parts, header)
        if cell.state == "done":
            self.end(request, cell)

    def shown(self, request, page):
        """Forgets a request that the page which made it has seen to its end."""
        cell = self.by_request.get(request)
        if cell is not None and cell.page is page and not cell.followers:
            del self.by_request[request]

    def follow(self, request, page, header):
        """Tells a page what a cell says, in answer to a request of its own."""
        cell = self.by_request.get(request)
        if cell is None:
            return page.answer(header, "execute_reply", {"status": "aborted"})
        for parts in cell.said.values():
            page.repeat(parts, header)
        cell.followers.append((page, header))
        if cell.state == "done":
            self.end(request, cell)

    def end(self, request, cell):
        """Answers who follows. What no page has shown is kept for the next one."""
        for page, header in cell.followers:
            page.answer(header, "execute_reply", {"status": cell.status, "execution_count": cell.count})
        if cell.followers or cell.page is not None or cell.name is None:
            del self.by_request[request]


def size(parts):
    return sum(map(len, parts))
