"""What GoNB says, in words for who reads and writes pages.

Of a cell that fails it speaks of files in a temporary folder, which no reader has, says everything twice, and leaves a mistake of a
cell's form to Go's parser. tidy takes a message to a page, its kind and its content, and changes the content.
"""
import html
import re

# What a page says of its language: without the version of Go, or to open a page on another machine would be to change it.
LANGUAGE = {
    "codemirror_mode": "", "file_extension": ".go", "mimetype": "text/x-go", "name": "go",
    "nbconvert_exporter": "", "pygments_lexer": "go",
}

HINTS = [
    (r"expected declaration, found",
     "Only imports, functions, types and variables can be declared in a cell as it stands. What is to be run comes after a line %%."),
    (r"found 'EOF'", "The cell ends before everything is closed: a } or ) is missing."),
    (r"undefined: (\w+)$", r"Nothing that was run so far declares \1. A page's first cells hold its imports and functions: "
     "run them first (Run, Run All Above Selected Cell)."),
    (r"(?:no required module provides package|cannot find module providing package|go: module|go get)",
     "A package is named that the workbook does not have. If it is one of the page's own, run the cell with the imports first."),
    (r"declared and not used: (\w+)", r"Go compiles no variable that is not used: use \1, or write _ = \1."),
    (r'"([^"]+)" imported and not used', "Go compiles no import that is not used."),
]

# What GoNB writes when a program has failed, before it says the same as an error, if the program was a cell's.
ENDED = re.compile(r"(?:\^C\n)?(?:exit status \d+|signal: [\w ()]+)\n")

PLACE = re.compile(r'(<span class="gonb-cell-line-info">[^<]*</span>) <span class="gonb-err-location">[^<]*</span>')
NO_PLACE = re.compile(r'<span class="gonb-err-location">[^<]*</span>')
PACKAGE = re.compile(r'<div style="white-space: pre-wrap;">\s*(?:# gonb_\w+)?\s*</div>\n?')
TAG = re.compile(r'(?s)<style>.*?</style>|<div class="gonb-err-context">.*?</div>\n?</div>|<[^>]+>')


def hints(text):
    """Returns what helps against the mistakes that a compiler's messages speak of, each once."""
    found = []
    for line in text.splitlines():
        for pattern, hint in HINTS:
            match = re.search(pattern, line.strip())
            if match and match.expand(hint) not in found:
                found.append(match.expand(hint))
    return found


def ended(kind, content):
    """Tells whether a message says only how a program has ended."""
    return kind == "stream" and content.get("name") == "stderr" and bool(ENDED.fullmatch(content.get("text", "")))


def tidy(kind, content):
    if kind == "display_data" and "gonb-err-location" in content.get("data", {}).get("text/html", ""):
        page = content["data"]["text/html"]
        said = html.unescape(TAG.sub("", page))
        page = NO_PLACE.sub("", PLACE.sub(r"\1 ", PACKAGE.sub("", page))).rstrip().removesuffix("</div>")
        for hint in hints(said):
            page += f'<div style="white-space: pre-wrap; margin-top: 0.5em; font-family: var(--jp-content-font-family)">{html.escape(hint)}</div>\n'
        content["data"]["text/html"] = page + "</div>\n"
    elif kind == "error":
        said = content.get("evalue", "")
        if said in ("exit status 130", "signal: interrupt"):
            said = "The cell was interrupted."
        elif said.startswith("exit status"):
            said = f"The cell's program ended with {said}."
        elif said == "signal: killed":
            said = ("The cell's program was killed: most likely the memory did not suffice, or it did not stop within five seconds of an "
                    "interrupt.")
        elif said.endswith("signal: interrupt"):
            said = "The cell was interrupted before it ran."
        elif said.endswith("signal: killed"):
            said = "The cell was not run: its compiler was killed, most likely because the memory did not suffice."
        elif said.startswith("parsing go files") or "go build -o" in said:
            said = "The cell was not run, because it does not compile."
        content["evalue"], content["traceback"] = said, [said]
    elif kind == "kernel_info_reply":
        content["language_info"] = LANGUAGE
    return content
