package main

import (
	"os/exec"
	"testing"
)

// TestServer tries, without a kernel, what JupyterLab's server is told to load: where that fails, the server goes on without a word.
func TestServer(t *testing.T) {
	w := ready(t)
	const program = `
from jupyter_client.session import json_packer, json_unpacker
from kernel_queue import Words
from running import Cells

def message(kind, **content):
    return kind, [b"", json_packer({"msg_type": kind}), b"{}", b"{}", json_packer(content)]

def passed(*messages):
    words, found = Words(), []
    for kind, parts in messages:
        found += [json_unpacker(m[1])["msg_type"] for m in words(kind, parts)]
    return found

end = message("stream", name="stderr", text="exit status 1\n")
error = message("error", evalue="exit status 1", traceback=[])
idle = message("status", execution_state="idle")
assert passed(end, error, idle) == ["error", "status"]  # a cell's program
assert passed(end, idle) == ["stream", "status"]  # a command of the shell

cells = Cells()
cells.add({"msg_id": "1"}, "cell", "page")
cells.leave("page")
cells.hear("1", *message("status", execution_state="busy"))
assert cells.running() == {"msg_id": "1"}
cells.hear("1", *message("display_data", transient={"display_id": "live"}))
for step in range(1000):
    cells.hear("1", *message("update_display_data", step=step, transient={"display_id": "live"}))
cells.hear("1", *idle)
assert cells.running() is None and cells.list() == [{"cell": "cell", "request": "1"}]

class Page:
    def __init__(self):
        self.told, self.answers = [], []
    def repeat(self, parts, parent):
        self.told.append(json_unpacker(parts[1])["msg_type"] + str(json_unpacker(parts[4]).get("step", "")))
    def answer(self, parent, kind, content):
        self.answers.append(content["status"])

page = Page()
cells.follow("1", page, {})
assert page.told == ["status", "display_data", "update_display_data999", "status"] and page.answers == ["ok"], page.told
cells.follow("1", page, {})
assert page.answers == ["ok", "aborted"] and not cells.list()
`
	cmd := exec.CommandContext(t.Context(), w.python(), "-c", program)
	cmd.Env = w.env("PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
