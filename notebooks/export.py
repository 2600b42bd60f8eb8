"""Writes notebooks as a site, with the outputs they hold: export.py FOLDER STATIC SOURCE NOTEBOOK…

Each notebook becomes a page of Markdown, from which Sphinx makes the site as site/conf.py says. Its pages need no network and,
but for search and figures that move, no JavaScript: formulas are MathML, figures PNG. Where there is JavaScript, site/_static/site.js
draws the figures anew from what stands beside their PNG. STATIC is JupyterLab's folder of static files, which Vega comes from.
SOURCE is the address of the repository, empty if there is none to link to.
"""
import base64
import html
import json
import os
import re
import shutil
import sys
import tempfile

import nbformat
from sphinx.cmd.build import build_main

from execute import FOLDED

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")
sys.path.insert(0, SITE)
import conf  # noqa: E402
import vega  # noqa: E402

VEGA_LITE = "application/vnd.vegalite.v5+json"

# What the index says of the page whose table it has, which says nothing of itself there.
FIRST = "how a cell works; a first pair of networks, and one of your own"

RUN = """## Run it yourself

The pages were run before they were put here, and show what came out. Figures move where the browser allows JavaScript; the code does
not run here. To change a line and look again you need Go with a C compiler, and Python ({readme} says which versions), and two
commands:

```sh
{commands}
```

JupyterLab then opens on copies of these pages that are yours to change.
"""


def fence(text, info):
    """A block of Markdown that no line of the text ends."""
    marks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks}{info}\n{text}\n{marks}"


def raw(text):
    return fence(text, "{raw} html")


class Site:
    def __init__(self, books, source, extra):
        self.books = books  # by name: the notebook and its folder
        self.source = source
        self.extra = extra  # folder of pictures

    def seen_at(self, path):
        """The address of a file of the repository."""
        return f"{self.source}/blob/HEAD/{path}"

    def markdown(self, text):
        """A cell of prose for the site: without the notebooks' own links from page to page, and with links that lead somewhere."""
        text = LINKS.sub("", text)
        def picture(match):
            # One link too many to listen to: the words beside it lead to the same page.
            image, name = match[1], match[2]
            return f'<a href="{name}.html" tabindex="-1" aria-hidden="true">{image}</a>' if name in self.books else ""

        text = re.sub(r"\[(<img [^>]*>)\]\((\d\d_\w+)\.ipynb\)", picture, text)

        def link(match):
            words, path, place = match[1], match[2], match[3] or ""
            name, suffix = os.path.splitext(path)
            if suffix == ".ipynb" and name in self.books:
                return f"[{words}]({name}.md{place})"
            if self.source:
                return f"[{words}]({self.seen_at(os.path.normpath(os.path.join('notebooks', path)))}{place})"
            return words

        return re.sub(r"(?<!!)\[([^\[\]]*)\]\(((?!\w+:)[^()#\s]+)(#[^()\s]*)?\)", link, text)

    def figure(self, out, where):
        """A figure: its PNG, and for site.js what to draw in its place."""
        data, meta = out.data, out.metadata.get("image/png", {})
        alt = meta.get("alt", out.metadata.get("alt", data.get("text/plain", "Figure.")))
        size = "".join(f' {k}="{int(meta[k])}"' for k in ("width", "height") if k in meta)
        picture = f"figures/{where}.png"
        with open(os.path.join(self.extra, picture), "wb") as f:
            f.write(base64.b64decode(data["image/png"]))
        img = f'<img alt="{html.escape(alt, quote=True)}"{size} src="{picture}">'
        if VEGA_LITE not in data:
            return f'<figure class="scroll">{img}</figure>'
        spec = json.dumps(data[VEGA_LITE], ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")
        return f'<figure class="scroll vega">{img}<script type="application/json">{spec}</script></figure>'

    def output(self, out, where):
        """One output as HTML: the richest form that needs no JavaScript."""
        if out.output_type == "stream":
            return f'<pre class="output {out.name}">{html.escape(out.text)}</pre>'
        if out.output_type == "error":
            return f'<pre class="output stderr">{html.escape(out.evalue)}</pre>'
        data = out.data
        if "image/png" in data:
            return self.figure(out, where)
        if "image/svg+xml" in data:
            return f'<figure class="scroll">{data["image/svg+xml"]}</figure>'
        if "text/html" in data:
            return '<div class="scroll">' + re.sub(r"<script\b.*?</script>", "", data["text/html"], flags=re.S | re.I) + "</div>"
        if "text/plain" in data:
            return f'<pre class="output">{html.escape(data["text/plain"])}</pre>'
        raise SystemExit(f"{where}: an output has no form that a page can show without JavaScript: {', '.join(data)}")

    def outputs(self, cell, where):
        """A cell's outputs as HTML, folded if the notebook folds them."""
        shown = list(cell.outputs)
        folded = shown and cell.metadata.get("jupyter", {}).get("outputs_hidden")
        if folded and shown[0].output_type == "stream":
            shown[0] = nbformat.v4.new_output("stream", name=shown[0].name, text=shown[0].text.removeprefix(FOLDED))
            shown = shown[0 if shown[0].text else 1:]
        body = "\n".join(self.output(out, f"{where}_{i + 1}") for i, out in enumerate(shown))
        if folded:
            body = f"<details><summary>Predict first, then open</summary>\n{body}\n</details>"
        return body

    def page(self, name):
        """A notebook as Markdown."""
        nb, _ = self.books[name]
        parts = []
        for i, cell in enumerate(nb.cells):
            if cell.cell_type == "markdown":
                parts.append(self.markdown(cell.source))
            elif cell.cell_type == "code" and cell.source.strip():
                parts.append(fence(cell.source, "go"))
                if cell.outputs:
                    parts.append(raw(self.outputs(cell, f"{name}_{i + 1}")))
        number = re.match(r"\d+(?=_)", name)
        about = "This page was run, and shows what came out. To change a line and run it: [two commands](index.md#run-it-yourself)."
        if self.source:
            about += f" [The notebook itself]({self.seen_at(f'notebooks/{name}.ipynb')})."
        about = f'\n\n<div class="about">\n\n{about}\n\n</div>\n\n'
        body = "\n\n".join(parts)
        if not re.search(r"^# ", body, re.M):
            body = f"# {name}\n\n{body}"
        return re.sub(r"^# (.+)$", lambda m: f"# {number[0] + ' · ' if number else ''}{m[1]}{about}", body, count=1, flags=re.M)

    def index(self, first):
        """The page that the site begins with: what the workbook is, and the first page's table of the others."""
        parts, rows = [f"# {conf.project}"], {}
        if first:
            name, nb = first
            opening = LINKS.sub("", nb.cells[0].source).split("\n\n")
            parts += [part for part in opening[1:] if part.strip()][:1]
            for row in re.findall(r"^\| \[<img .*\.ipynb\).*$", "\n".join(c.source for c in nb.cells), re.M):
                rows[re.search(r"\((\w+)\.ipynb\)", row)[1]] = row
        lines = ["| figure | page |", "| --- | --- |"]
        for name, (nb, folder) in self.books.items():
            picture = os.path.join(folder, "thumbnails", name + ".png")
            image = ""
            if os.path.exists(picture):
                shutil.copy(picture, os.path.join(self.extra, "thumbnails"))
                image = f'[<img src="thumbnails/{name}.png" width="150" alt="">]({name}.ipynb)'
            number = re.match(r"(\d+)_", name)
            about = f" · {FIRST}" if first and name == first[0] else ""
            row = f"| {image} | **[{number[1] + ' · ' if number else ''}{title(nb, name)}]({name}.ipynb)**{about} |"
            lines.append(self.markdown(rows.get(name, row)))
        parts.append('<div class="pages">\n\n' + "\n".join(lines) + "\n\n</div>")
        readme = f"[README]({self.seen_at('README.md')})" if self.source else "its README"
        commands = f"git clone {self.source} batchnorm\ngo -C batchnorm run ./notebooks" if self.source else "cd batchnorm   # the workbook's folder\ngo run ./notebooks"
        parts.append(RUN.format(readme=readme, commands=commands))
        parts.append(fence(":hidden:\n\n" + "\n".join(self.books), "{toctree}"))
        return "\n\n".join(parts)


# The links from page to page that stand in the notebooks; the site has its own.
LINKS = re.compile(r"^(?:← )?\[[^\]]*\]\(\d\d_\w+\.ipynb\)(?:(?: →)?$| &nbsp;·&nbsp; .*$)", re.M)


def title(nb, name):
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#\s+(.+)$", cell.source, re.M)
            if found:
                return found[1].strip()
    return name


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)


def main(folder, static, source, *paths):
    books = {}
    for path in paths:
        name = os.path.splitext(os.path.basename(path))[0]
        books[name] = nbformat.read(path, as_version=4), os.path.dirname(path)
    first = os.path.join(os.path.dirname(paths[0]), "00_start_here.ipynb")
    first = ("00_start_here", nbformat.read(first, as_version=4)) if os.path.exists(first) else None
    with tempfile.TemporaryDirectory() as temp:
        pages, extra, trees = (os.path.join(temp, name) for name in ("pages", "extra", "trees"))
        os.makedirs(pages)
        for part in ("figures", "thumbnails", "_static"):
            os.makedirs(os.path.join(extra, part))
        site = Site(books, source, extra)
        for name in books:
            write(pages, name + ".md", site.page(name))
        write(pages, "index.md", site.index(first))
        write(os.path.join(extra, "_static"), "vega.js", vega.bundle(static))
        write(os.path.join(extra, "_static"), "vega_licences.txt", vega.licences(static))
        return build_main(["-q", "-W", "--keep-going", "-b", "html", "-c", SITE, "-d", trees, "-D", "html_extra_path=" + extra, pages, folder])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
