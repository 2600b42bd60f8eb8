"""Runs one notebook through its kernel and writes it with its outputs: execute.py NOTEBOOK RESULT FOLDER ROOT.

Cells run in FOLDER. ROOT, the clone, is taken out of the outputs. Says how far it is on standard output, one JSON object a
line; the last is {"done": …} or {"failed": …}. RESULT is written only if every cell succeeded.
"""
import asyncio
import json
import os
import re
import sys
import time

import nbformat
from gonb_messages import LANGUAGE
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

# Stands before a folded output: JupyterLab shows the first line of what it folds, which would give the answer away.
FOLDED = "Predict first. Then run the cell, or click here.\n"

# What terminals obey and files should not hold: colours, cursor moves, titles.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def say(**event):
    print(json.dumps(event), flush=True)


def cleaner(root):
    """Returns a function that takes escape codes and this machine's paths out of a text."""
    places = [(os.path.join(root, ""), ""), (root, "."), (os.path.expanduser("~"), "~")]
    places = [(here, there) for here, there in places if len(here) > 1]
    scratch = re.compile(r"/[^\s\"'<>:]*/gonb_[0-9a-f]{8}\b/?")

    def clean(text):
        text = scratch.sub("", ESCAPES.sub("", text))
        for here, there in places:
            text = text.replace(here, there)
        return text

    return clean


def cleaned(value, clean):
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: cleaned(item, clean) for key, item in value.items()}
    return value


def shows(output):
    """Whether an output shows anything: a live view that has nothing to leave ends as an empty one."""
    return "data" not in output or any(output["data"].values())


def clean_outputs(cell, clean):
    if "outputs" in cell:
        cell["outputs"] = [output for output in cell["outputs"] if shows(output)]
    for output in cell.get("outputs", []):
        for key in ("text", "traceback", "evalue"):
            if key in output:
                output[key] = cleaned(output[key], clean)
        for mime, content in output.get("data", {}).items():
            if not mime.startswith("image/") or mime == "image/svg+xml":
                output["data"][mime] = cleaned(content, clean)


def fold(cell):
    """Puts FOLDED before the outputs of a cell that is committed with them folded."""
    outputs = cell.get("outputs", [])
    if not outputs or not cell.metadata.get("jupyter", {}).get("outputs_hidden"):
        return
    if outputs[0].output_type == "stream" and outputs[0].name == "stdout":
        outputs[0]["text"] = FOLDED + outputs[0]["text"]
    else:
        outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text=FOLDED))


def report(cell, index, count, clean):
    """What a person needs to see of a failed cell: which it is, and everything it said about why."""
    clean_outputs(cell, clean)
    said, error = [], []
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stderr":
            said.append(output.text)
        elif output.output_type == "error":
            # The traceback tells the cell's line, where the compiler's own message tells that of a file nobody sees.
            error = [part for part in output.traceback if not re.fullmatch(r"# gonb_\w+\s*", part)] or [output.evalue]
    text = "\n".join(part.strip() for part in said if part.strip())
    text = "\n".join([text] + [part.strip() for part in error if part.strip() not in text]).strip()
    if "signal: killed" in text:
        text += "\nthe system ended the cell's program: it may have run out of memory"
    lines = [line for line in cell.source.splitlines() if line.strip()]
    code = [line for line in lines if not line.startswith(("%", "//", "import"))] or lines
    return dict(cell=index + 1, cells=count, first=(code or [""])[0].strip(), text=text)


class Client(NotebookClient):
    """Reports each cell and remembers which one is at work."""

    current = None

    async def async_execute_cell(self, cell, cell_index, *args, **kwargs):
        if cell.cell_type != "code" or not cell.source.strip():
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        self.current = (cell, cell_index)
        start = time.monotonic()
        result = await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        say(cell=cell_index + 1, cells=len(self.nb.cells), seconds=time.monotonic() - start)
        return result


def main(source, result, folder, root):
    clean = cleaner(root)
    nb = nbformat.read(source, as_version=4)
    client = Client(
        nb,
        timeout=None,  # trainings may take hours; a kernel that dies is noticed within a second
        startup_timeout=180,
        kernel_name=nb.metadata.get("kernelspec", {}).get("name", "gonb"),
        resources={"metadata": {"path": folder}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        shutdown_kernel="immediate",  # GoNB does not end when asked, and has nothing left to do
    )
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
    try:
        client.execute()
    except (CellExecutionError, DeadKernelError) as e:
        cell, index = client.current or (None, -1)
        if cell is None:
            say(failed=dict(cell=0, cells=len(nb.cells), first="", text=clean(str(e))))
            return 1
        failed = report(cell, index, len(nb.cells), clean)
        if isinstance(e, DeadKernelError):
            failed["text"] = (failed["text"] + "\nthe kernel died: the cell, or its compilation, may have run out of memory").strip()
        say(failed=failed)
        return 1
    for cell in nb.cells:
        clean_outputs(cell, clean)
        fold(cell)
    # Only what does not change with the machine, so that a second run makes a small difference.
    nb.metadata["kernelspec"] = {"display_name": "Go (gonb)", "language": "go", "name": "gonb"}
    nb.metadata["language_info"] = LANGUAGE
    nb.metadata.pop("widgets", None)
    nbformat.validate(nb)
    os.makedirs(os.path.dirname(os.path.abspath(result)), exist_ok=True)
    new = result + ".new"
    nbformat.write(nb, new)
    os.replace(new, result)
    say(done=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
