"""Scripts that the owner allows run, in frames that reach neither Jupyter nor the network."""

from __future__ import annotations

import attacks
import pytest
from lab import Lab, Listener
from notebook_page import SCRIPTS, NotebookPage, Open

_PRELUDE = "from IPython.display import *\n"
ESCAPES = {
    "token": "JS",
    "parent": "try { parent.parent.document.title = 'x' } catch (e) {}; parent.location = 'HERE';",
    "top": "try { top.location = 'HERE' } catch (e) {}",
    "location": "location = 'HERE'",
    "picture": "new Image().src = 'HERE'",
    "fetch": "fetch('HERE', {mode: 'no-cors'})",
    "beacon": "navigator.sendBeacon('HERE', 'x')",
    "socket": "new WebSocket('HERE'.replace('http', 'ws'))",
    "events": "new EventSource('HERE')",
    "popup": "window.open('HERE')",
    "link": "const a = document.createElement('a'); a.href = 'HERE'; a.click()",
    "form": "document.body.innerHTML += '<form action=HERE></form>'; document.forms[0].submit()",
    "refresh": "document.head.innerHTML += '<meta http-equiv=refresh content=0;url=HERE>'",
    "style": "document.head.innerHTML += '<style>body { background: url(HERE) }</style>'",
    "base": "document.head.innerHTML += '<base href=HERE>'; new Image().src = 'x'",
    "frame": "document.body.innerHTML += '<iframe src=HERE></iframe>'",
    "inner": "document.body.innerHTML += '<iframe srcdoc=\"<img src=HERE>\"></iframe>'",
    "import": "import('HERE').catch(() => {})",
    "worker": "try { new Worker('HERE') } catch (e) {}",
    "blob": "new Worker(URL.createObjectURL(new Blob([`fetch('HERE')`])))",
    "prefetch": "document.head.innerHTML += '<link rel=prefetch href=HERE>'",
    "preload": "document.head.innerHTML += '<link rel=preload as=image href=HERE>'",
}
NAMES = list(ESCAPES)
MARK = "<p id=mark>before</p>"


def cell(name: str, url: str) -> str:
    body = ESCAPES[name].replace("JS", attacks.script(name)).replace("HERE", f"{url}/{name}")
    body = body.replace("@URL@", url)
    html = f"{MARK}<script>document.getElementById('mark').textContent = 'ran';{body}</script>"
    return f"{_PRELUDE}display(HTML(r'''{html}'''))"


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def framed(open_notebook: Open, listener: Listener) -> NotebookPage:
    """A page after all of them."""
    page = open_notebook(SCRIPTS, [cell(name, listener.url) for name in NAMES])
    page.run()
    page.settle(3000)
    return page


def test_scripts_run(framed: NotebookPage) -> None:
    texts = []
    for frame in framed.frames():
        if frame.url == "about:srcdoc" and (mark := frame.query_selector("#mark")):
            texts.append(mark.text_content())
    # Those that navigated their own frame away are gone from it.
    assert texts.count("ran") >= len(NAMES) - 6
    assert "before" not in texts


def test_frames_are_of_no_origin(framed: NotebookPage) -> None:
    for frame in framed.frames():
        if frame.url == "about:srcdoc":
            assert frame.evaluate("window.origin") == "null"


def test_nothing_gets_out(framed: NotebookPage, listener: Listener, lab: Lab) -> None:
    assert listener.hits == []
    assert not list(lab.files.glob("written-*"))
    assert framed.page.url.startswith(lab.url)
    assert len(framed.page.context.pages) >= 1


@pytest.mark.parametrize("name", ["picture", "location", "fetch"])
def test_the_same_gets_out_of_one_frame_without_a_policy(framed: NotebookPage, name: str) -> None:
    control = Listener()
    body = ESCAPES[name].replace("HERE", f"{control.url}/{name}")
    framed.page.evaluate(
        """body => {
          const frame = document.createElement('iframe');
          frame.sandbox = 'allow-scripts';
          frame.srcdoc = `<script>${body}</` + 'script>';
          document.body.append(frame);
        }""",
        body,
    )
    framed.settle(500)
    control.close()
    assert name in control.heard()
