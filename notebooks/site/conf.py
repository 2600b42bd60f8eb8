"""What Sphinx is told about the site: see export.py, which writes the Markdown that it reads."""
import os
import re

import latex2mathml.converter
from docutils import nodes

project = html_title = "Batch normalization by experiment"
author = "the workbook's authors"
language = "en"

extensions = ["myst_parser", "sphinx_copybutton"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
# Notebooks are written in Markdown as Jupyter and GitHub know it; a line may begin with %.
myst_disable_syntax = ["myst_line_comment", "myst_block_break", "myst_target", "myst_role", "substitution"]
highlight_language = "go"

html_theme = "furo"
html_theme_options = {"top_of_page_buttons": []}
html_static_path = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "_static")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = os.path.join(html_static_path[0], "favicon.svg")
html_copy_source = html_use_index = html_show_copyright = html_show_sphinx = False
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
copybutton_selector = "div.highlight-go pre, div.highlight-sh pre"


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


def visit_math(translator, node):
    translator.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_math_block(translator, node):
    translator.body.append(f'<div class="scroll">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))


html_math_renderer = "mathml"
