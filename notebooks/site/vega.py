"""Vega, Vega-Lite and vega-embed for a page without JupyterLab: the ones that JupyterLab brings, in one file.

JupyterLab's own JavaScript is cut into files of modules, which its main file loads by number. What is said there of the three
packages is read here: their version, their files, the number of their first module, and by which number each asks for another.
"""
import glob
import json
import os
import re

PACKAGES = ("vega", "vega-lite", "vega-embed")

# Loads modules as JupyterLab's main file does, but for those that come from elsewhere: all are here.
PAGE = """// {versions}, as JupyterLab brings them, under the licences in vega_licences.txt.
window.vegaEmbed = (() => {{
{chunks}
const files = self.{queue};
delete self.{queue};
const factories = Object.assign({{}}, ...files.map(file => file[1]));
const node = module => {{ module.exports = {{env: {{}}}}; }}; // stands in for Node's process, the only module that is not in these files
const shared = {{{shared}}};
const modules = {{}};
function load(id) {{
  id = shared[id] ?? id;
  if (!modules[id]) {{
    modules[id] = {{exports: {{}}}};
    (factories[id] ?? node).call(modules[id].exports, modules[id], modules[id].exports, load);
  }}
  return modules[id].exports;
}}
load.o = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
load.d = (exports, getters) => {{
  for (const name in getters)
    if (load.o(getters, name) && !load.o(exports, name)) Object.defineProperty(exports, name, {{enumerable: true, get: getters[name]}});
}};
load.r = exports => {{
  Object.defineProperty(exports, Symbol.toStringTag, {{value: "Module"}});
  Object.defineProperty(exports, "__esModule", {{value: true}});
}};
load.n = module => {{
  const get = module && module.__esModule ? () => module.default : () => module;
  load.d(get, {{a: get}});
  return get;
}};
load.g = globalThis;
return load({first}).default;
}})();
"""


def one(pattern, text, what):
    found = re.findall(pattern, text)
    if len(found) != 1:
        raise SystemExit(f"JupyterLab's main file says {len(found)} times {what}; once was expected, as its version 4.6 does")
    return found[0]


def bundle(static):
    """Returns the JavaScript that defines window.vegaEmbed, from JupyterLab's folder of static files."""
    with open(one(r".+", "\n".join(glob.glob(os.path.join(glob.escape(static), "main.*.js"))), "its name"), encoding="utf-8") as f:
        main = f.read()
    versions, firsts, asked, chunks = [], {}, {}, []
    for name in PACKAGES:
        version, parts, firsts[name] = one(
            rf'\{{name:"{name}",version:"([^"]+)",factory:\(\)=>([^}}]*?)\.then\(\(\)=>\(\)=>__webpack_require__\((\d+)\)\)', main, f"where {name} is")
        versions.append(f"{name} {version}")
        chunks += re.findall(r"__webpack_require__\.e\((\d+)\)", parts)
        asked[one(rf'(\d+):\{{shareScope:"default",shareKey:"{name}"', main, f"who asks for {name}")] = firsts[name]
    code = []
    for chunk in dict.fromkeys(chunks):
        for path in glob.glob(os.path.join(glob.escape(static), chunk + ".*.js")):  # a number without a file only asks for another package
            with open(path, encoding="utf-8") as f:
                code.append(f.read().strip())
    if not code:
        raise SystemExit(f"{static} holds none of the files that JupyterLab's main file names for Vega")
    queue = one(r"^(?:\"use strict\";)?\(self\.(\w+)=", code[0], "where modules wait")
    return PAGE.format(versions=", ".join(versions), chunks="\n".join(code), queue=queue, first=firsts["vega-embed"],
                       shared=", ".join(f"{number}: {first}" for number, first in asked.items()))


# Whose code is in the bundle: names of packages as they begin.
PARTS = re.compile(r"vega|d3-|topojson|fast-json|json-stringify-pretty|semver|lru-cache|yallist|internmap|delaunator|robust-predicates|tslib|process$")


def licences(static):
    """Returns the licences of what is in the bundle."""
    with open(os.path.join(static, "third-party-licenses.json"), encoding="utf-8") as f:
        packages = json.load(f)["packages"]
    return "\n\n".join(f"{p['name']} {p['versionInfo']}: {p['licenseId']}\n\n{p['extractedText']}".rstrip() for p in packages if PARTS.match(p["name"])) + "\n"
