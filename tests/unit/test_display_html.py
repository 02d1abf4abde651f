"""HTML of cells: what could act is gone, what people look at stays."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from pictures import png

from hypercell.kernel.display import safe_html as safe_html_module
from hypercell.kernel.display.frames import framed
from hypercell.kernel.display.markdown import markdown
from hypercell.kernel.display.refused import Refused
from hypercell.kernel.display.safe_html import MAX_TAGS, boxed, has_script, safe_html

HOSTILE = [
    "<script>x()</script>",
    "<img src=x onerror=x()>",
    "<svg onload=x()><script>x()</script></svg>",
    "<svg><a xlink:href='javascript:x()'><text>t</text></a></svg>",
    "<a href='javascript:x()' target=_self>t</a>",
    "<a href='JaVaScRiPt&colon;x()'>t</a>",
    "<a href='data:text/html,<script>x()</script>'>t</a>",
    "<a href='//evil.example/'>t</a>",
    "<a href='/lab/tree?reset'>t</a>",
    "<form action='javascript:x()'><button>t</button><input name=a></form>",
    "<button data-commandlinker-command='terminal:create-new'>t</button>",
    "<iframe srcdoc='<script>x()</script>'></iframe>",
    "<iframe src='data:text/html,<script>x()</script>'></iframe>",
    "<object data='data:text/html,x'></object><embed src=x>",
    "<base href='//evil.example/'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href='//evil.example/a.css'>",
    "<style>* { background: url(//evil.example) }</style>",
    "<div style='background:url(//evil.example)'>t</div>",
    "<div style='background:u\\72l(//evil.example)'>t</div>",
    "<div style='background-image:image-set(\"//evil.example\" 1x)'>t</div>",
    "<div style='position:fixed;inset:0;z-index:99999'>t</div>",
    "<div style='width:expression(x())'>t</div>",
    "<img src='https://evil.example/a.png'><img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<img srcset='//evil.example 1x' src=x><picture><source srcset=//evil.example></picture>",
    "<video poster='//evil.example'><audio src='//evil.example' autoplay></audio></video>",
    "<p class=jp-Dialog id=jupyter-config-data name=a data-x=1>t</p>",
    "<math><mtext><table><mglyph><style><img src=x onerror=x()></style></mglyph></table></math>",
    "<noscript><p title='</noscript><img src=x onerror=x()>'></noscript>",
    "<template><img src=x onerror=x()></template>",
    "<p title='&quot;><img src=x onerror=x()>'>t</p>",
    "<details open ontoggle=x()><summary>t</summary></details>",
    "<marquee onstart=x()>t</marquee><body onload=x()><html onclick=x()>",
    "<!--><img src=x onerror=x()>--><![CDATA[<script>x()</script>]]>",
    "<a ping='//evil.example' download href='https://a.example'>t</a>",
    "<td background='//evil.example'>t</td><table background='//evil.example'></table>",
    "<textarea></textarea><select><option>t</select><isindex>",
    "<slot name=a></slot><portal src=//evil.example></portal><dialog open>t</dialog>",
]
TAGS = safe_html_module._TAGS
ATTRIBUTES = {name for names in safe_html_module._ATTRIBUTES.values() for name in names}


class Reader(HTMLParser):
    """Takes sanitised HTML apart with another parser than the one that wrote it."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES | {"rel", "target"}, (tag, name)
            assert value is not None
            if name in ("href", "src"):
                assert value.startswith(("https://a.example", "data:image/png;"))
            if name == "style":
                assert not re.search(r"url|image|position|z-index|expression", value)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def rendered(text: str) -> str:
    return markdown(text)[0]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("way", [safe_html, rendered])
def test_nothing_that_acts_is_left(text: str, way: Callable[[str], str]) -> None:
    for wrapped in (text, f"a\n\n{text}\n\n> {text}", f"<table><tr>{text}", f"<b title='{text}"):
        reader = Reader()
        reader.feed(way(wrapped))
        reader.close()


def test_a_table_stays_a_table() -> None:
    text = (
        '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th>'
        '<th colspan="2">a</th></tr></thead><tbody><tr><th>0</th><td>1.5</td><td>x&lt;y</td></tr>'
        "</tbody></table>"
    )
    assert safe_html(text) == text.replace(' class="dataframe"', "").replace(
        "text-align: right;", "text-align:right"
    )


def test_a_picture_within_html_is_checked() -> None:
    good = base64.b64encode(png(3, 3)).decode()
    assert good in safe_html(f'<img src="data:image/png;base64,{good}" width="30">')
    bomb = base64.b64encode(png(60_000, 60_000)).decode()
    assert "src" not in safe_html(f'<img src="data:image/png;base64,{bomb}">')
    assert "width" not in safe_html('<img width="99999999" height="1e9">')


def test_too_much_is_refused() -> None:
    with pytest.raises(Refused, match="elements"):
        safe_html("<i>" + "<br>" * MAX_TAGS)
    with pytest.raises(Refused, match="deep"):
        safe_html("<div>" * 200)


def test_the_box_is_ours() -> None:
    for text in ("</div></div><p>out", "<div><div>in", "<!--", "<table>", "<b", "<b title='"):
        box = boxed(safe_html(text))
        assert box.count("<div") == box.count("</div")
        assert box.startswith('<div class="mathjax_ignore')
        assert box.endswith("</div>")


def test_frames_hold_what_they_hold() -> None:
    text = '</iframe><script>\'"&amp;</script>" onload="x'
    page = framed(text)
    assert page.count("<iframe") == 1
    assert page.count("</iframe>") == 1
    assert "<script" not in page
    assert has_script(text)
    assert not has_script("<p>script")


def test_markdown() -> None:
    made = rendered(
        "# A\n\n|a|b|\n|-|:-:|\n|1|~~2~~|\n\n```python\n$x$\n```\n\n- [l](https://a.example)"
    )
    assert "<h1>A</h1>" in made
    assert "<table>" in made
    assert "<s>2</s>" in made
    assert "<pre><code>$x$\n</code></pre>" in made
    assert 'href="https://a.example"' in made
    assert "href" not in rendered("[l](javascript:x())")


def test_formulas_in_markdown() -> None:
    made = rendered("$x < y$ and\n\n$$\\frac{a}{b}$$\n\n$\\gdef\\alpha{b}$")
    assert '<span class="mathjax_process tex2jax_process">\\(x &lt; y\\)</span>' in made
    assert "\\[\\frac{a}{b}\\]</span>" in made
    assert "<code>\\gdef\\alpha{b}</code>" in made
    # A formula whose place turns out to be an attribute stays out of it.
    hostile = rendered('<div title="\n\n$x$ $"><img onerror=1>$\n\n">')
    assert "mathjax_process" not in hostile or "onerror=1&gt;" in hostile
    assert not re.search(r'="[^"]*<', hostile)


def test_a_picture_that_is_not_loaded_says_so() -> None:
    own = f'<img src="data:image/png;base64,{base64.b64encode(png(2, 2)).decode()}">'
    assert safe_html(own) == own
    for text in ("<img src=x>", "<img alt=' src=\"'>", "<img src='https://example.org/a.png'>"):
        assert safe_html(f"<p>{text}</p>") == f"<p>{safe_html_module.NO_PICTURE}</p>"
    assert "<em>" not in safe_html("<p title='<img>'>&lt;img&gt;</p>")


@pytest.mark.parametrize(
    "style",
    [
        "line-height:0",
        "height:0",
        "padding:400px 900px",
        "padding:2em",
        "padding-top:50%",
        "border-left:99px solid red",
        "vertical-align:-500px",
        "opacity:.5",
        "text-decoration:underline wavy red",
        "background:repeating-radial-gradient(red 1px, blue 2px)",
        "border:1px dotted red",
    ],
)
def test_elements_that_overlap_or_are_slow_to_draw_may_be_few(style: str) -> None:
    safe_html(f"<span style='{style}'>x</span>" * 1000)
    with pytest.raises(Refused, match="overlap"):
        safe_html(f"<span style='{style}'>x</span>" * 3000)


def test_a_large_table_may_have_colours() -> None:
    style = "text-align:right;padding:4px 8px;border:1px solid #444455;background:rgb(99,100,255)"
    safe_html("<table>" + f"<tr><td style='{style}'>1" * 10_000)


@pytest.mark.parametrize(
    "text",
    [
        "<table><tr>" + "<td colspan=1000>x" * 100,
        "<table><tr>" + "<td colspan=300 rowspan=300>x",
        "<table>" + "<col span=1000>" * 100,
        "<span dir=rtl>x</span>" * 3000,
        "<q>x</q>" * 3000,
        "<details open>x</details>" * 3000,
    ],
)
def test_spans_and_what_is_slow_to_lay_out_are_counted(text: str) -> None:
    with pytest.raises(Refused, match="elements"):
        safe_html(text)


def test_text_is_bounded() -> None:
    with pytest.raises(Refused, match="characters of text"):
        safe_html("x " * 600_000)
    with pytest.raises(Refused, match="lines"):
        safe_html("<pre>" + "x\n" * 60_000)
    assert "justify" not in safe_html("<p align=Justify style='text-align:justify'>x")
