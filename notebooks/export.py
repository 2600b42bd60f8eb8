"""Writes notebooks as static HTML, with the outputs they hold: export.py FOLDER NOTEBOOK…

The pages need no JavaScript and no network: formulas become MathML, figures PNG, and the style stands in the page.
"""
import base64
import html
import os
import re
import sys

import latex2mathml.converter
import nbformat
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from execute import FOLDED

STYLE = """
:root { color-scheme: light; }
body { max-width: 52rem; margin: 0 auto; padding: 1rem; font: 1.05rem/1.55 system-ui, sans-serif; color: #1b1b1b; background: #fff; }
h1, h2, h3 { line-height: 1.25; margin: 1.6em 0 .6em; }
a { color: #0b57a4; }
a.anchor-link { display: none; }
summary { cursor: pointer; color: #0b57a4; }
nav { display: flex; justify-content: space-between; gap: 1rem; padding: .6rem 0; border-bottom: 1px solid #ddd; font-size: .95rem; }
nav:last-of-type { border: 0; border-top: 1px solid #ddd; margin-top: 2rem; }
pre { margin: .6rem 0; padding: .6rem .8rem; overflow-x: auto; font: .86rem/1.45 ui-monospace, monospace; tab-size: 4; }
.source pre { background: #f6f7f9; border-left: 3px solid #b9c6d6; }
.output { margin: .6rem 0 1.4rem; overflow-x: auto; }
.output pre { background: none; padding-left: 0; }
.stderr pre { color: #7a2e00; }
img, svg { max-width: 100%; height: auto; }
td img { max-width: none; }
@media (max-width: 640px) { .output > img[width] { max-width: none; width: 700px; } }
table { border-collapse: collapse; margin: 1rem 0; font-size: .95rem; display: block; overflow-x: auto; }
th, td { border: 1px solid #d5d9de; padding: .3rem .5rem; text-align: left; }
.output td { white-space: nowrap; }
th { background: #f3f5f7; }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
math { font-size: 1.08em; }
math[display=block] { margin: 1em 0; overflow-x: auto; }
blockquote { margin: 1rem 0; padding: .1rem 1rem; border-left: 4px solid #d5d9de; color: #444; }
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def mathml(tex, display):
    # JupyterLab numbers no equations, and the converter knows one aligned environment.
    known = re.sub(r"\\(begin|end)\{(?:aligned|align|split|eqnarray)\*?\}", r"\\\1{align*}", tex.strip())
    try:
        out = latex2mathml.converter.convert(known, display=display)
    except Exception as e:  # the converter raises what it likes
        raise ValueError(f"cannot write the formula {tex!r} as MathML: {e!r}") from e
    # What it does not know it passes on as text.
    unknown = re.search(r">(\\[^<]+|&)<", out)
    if unknown:
        raise ValueError(f"cannot write the formula {tex!r} as MathML: {unknown[1]!r} is unknown to the converter")
    return out


class Renderer(IPythonRenderer):
    """Markdown with formulas as MathML."""

    def block_math(self, body):
        return mathml(body, "block")

    def multiline_math(self, text):
        return mathml(text, "block")

    def inline_math(self, body):
        return mathml(body, "inline")

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


def markdown(text, beside="."):
    text = MarkdownWithMath(renderer=Renderer(escape=False)).render(text)

    def embed(match):
        with open(os.path.join(beside, match[2]), "rb") as f:
            return f'{match[1]}"data:image/png;base64,{base64.b64encode(f.read()).decode()}"'

    # Pictures beside the notebooks become part of the page.
    text = re.sub(r'(<img\b[^>]*\bsrc=)"([^":]+\.png)"', embed, text)
    # Links between notebooks lead to their pages.
    return re.sub(r'(href="[^":]+)\.ipynb(["#])', r"\1.html\2", text)


def output(out, name):
    """One output as HTML: the richest form that needs no JavaScript."""
    if out.output_type == "stream":
        return f'<div class="output {out.name}"><pre>{html.escape(out.text)}</pre></div>'
    if out.output_type == "error":
        return f'<div class="output stderr"><pre>{html.escape(out.evalue)}</pre></div>'
    data = out.data
    if "image/png" in data:
        meta = out.metadata.get("image/png", {})
        alt = meta.get("alt", out.metadata.get("alt", data.get("text/plain", "Figure.")))
        size = "".join(f' {k}="{int(meta[k])}"' for k in ("width", "height") if k in meta)
        png = data["image/png"].replace("\n", "")
        body = f'<img alt="{html.escape(alt, quote=True)}"{size} src="data:image/png;base64,{png}">'
    elif "image/svg+xml" in data:
        body = data["image/svg+xml"]
    elif "text/html" in data:
        body = re.sub(r"<script\b.*?</script>", "", data["text/html"], flags=re.S | re.I)
    elif "text/markdown" in data:
        body = markdown(data["text/markdown"])
    elif "text/plain" in data:
        body = f'<pre>{html.escape(data["text/plain"])}</pre>'
    else:
        raise ValueError(f"{name}: an output has no form that a page can show without JavaScript: {', '.join(data)}")
    return f'<div class="output">{body}</div>'


def outputs(cell, name):
    """A cell's outputs as HTML, folded if the notebook folds them."""
    shown = list(cell.outputs)
    if not cell.metadata.get("jupyter", {}).get("outputs_hidden") or not shown:
        return "\n".join(output(out, name) for out in shown)
    if shown[0].output_type == "stream":
        shown[0] = nbformat.v4.new_output("stream", name=shown[0].name, text=shown[0].text.removeprefix(FOLDED))
        shown = shown[0 if shown[0].text else 1:]
    body = "\n".join(output(out, name) for out in shown)
    return f"<details><summary>Predict first, then open</summary>\n{body}\n</details>"


# The links from page to page that stand in the notebooks; an exported page has its own.
LINKS = re.compile(r"^(?:← )?\[[^\]]*\]\(\d\d_\w+\.ipynb\)(?:(?: →)?$| &nbsp;·&nbsp; .*$)", re.M)


def title(nb, name):
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+)$", cell.source, re.M)
            if found:
                return re.sub(r"[*_`]", "", found[1]).strip()
    return name


def main(folder, *paths):
    os.makedirs(folder, exist_ok=True)
    code = Highlight2HTML(pygments_lexer="go")
    style = STYLE + HtmlFormatter(style="default").get_style_defs(".highlight")
    style += "\n.highlight { background: none; }"
    books = []
    for path in paths:
        nb = nbformat.read(path, as_version=4)
        name = os.path.splitext(os.path.basename(path))[0]
        books.append((name, title(nb, name), nb, path))
    for i, (name, heading, nb, path) in enumerate(books):
        before = f'<a href="{books[i-1][0]}.html" rel="prev">← {html.escape(books[i-1][1])}</a>' if i else ""
        after = f'<a href="{books[i+1][0]}.html" rel="next">{html.escape(books[i+1][1])} →</a>' if i + 1 < len(books) else ""
        nav = f'<nav><span>{before}</span><a href="index.html">Contents</a><span>{after}</span></nav>'
        parts = [nav]
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                try:
                    parts.append(markdown(LINKS.sub("", cell.source), os.path.dirname(path)))
                except ValueError as e:
                    raise SystemExit(f"{name}: {e}") from e
            elif cell.cell_type == "code" and cell.source.strip():
                parts.append(f'<div class="source">{code(cell.source)}</div>')
                parts.append(outputs(cell, name))
        parts.append(nav)
        write(folder, name, heading, style, "\n".join(parts))
    items = "\n".join(f'<li><a href="{name}.html">{html.escape(heading)}</a></li>' for name, heading, *_ in books)
    write(folder, "index", "Batch normalization by experiment", style,
          f"<h1>Batch normalization by experiment</h1>\n<ol>\n{items}\n</ol>")


def write(folder, name, heading, style, body):
    with open(os.path.join(folder, name + ".html"), "w", encoding="utf-8") as f:
        f.write(PAGE.format(title=html.escape(heading), style=style, body=body))


if __name__ == "__main__":
    main(*sys.argv[1:])
