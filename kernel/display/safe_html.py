"""HTML of a cell, made inert: what is not on a list here is gone. Runs in the parser process.

Neither scripts nor style sheets, nothing that is loaded from anywhere, nothing that the page's own
scripts know by class, id or data attribute. Front ends run scripts and typeset formulas in HTML;
``boxed`` keeps the result in its place and formulas untouched.
"""

from __future__ import annotations

import base64
import binascii
import html
import math
import re

import nh3

from hypercell.kernel import runs
from hypercell.kernel.display import picture
from hypercell.kernel.display.refused import Refused
from hypercell.kernel.safe_text import MAX_LINES

MAX_TAGS = 50_000  # two an element: a table of 25,000 cells takes half a second to lay out
MAX_DEPTH = 100
MAX_TEXT = 1 << 20  # characters beside the markup: what a stream may have as well
NO_PICTURE = "<em>[a picture that is not loaded]</em>"
_MAX_SPAN = 1000
_MAX_SIDE = 4096  # pixels

_TEXT = "p br hr div span a b i u s em strong small sub sup mark del ins code pre kbd samp var tt"
_BLOCKS = "h1 h2 h3 h4 h5 h6 blockquote q cite abbr ul ol li dl dt dd details summary center"
_TABLES = "table caption colgroup col thead tbody tfoot tr th td"
_TAGS = set(f"{_TEXT} {_BLOCKS} {_TABLES} figure figcaption section article wbr font img".split())
_GONE = {"script", "style", "svg", "math", "iframe", "object", "template", "noscript"}
_ATTRIBUTES = {
    "*": {"style", "title", "lang", "dir", "align", "valign"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span", "width"},
    "colgroup": {"span"},
    "ol": {"start"},
    "table": {"border", "cellpadding", "cellspacing"},
    "details": {"open"},
    "font": {"color"},
}
_SIDES = ("", "-top", "-right", "-bottom", "-left")
_PROPERTIES = {
    *("color", "background", "background-color", "opacity"),
    *("font", "font-family", "font-size", "font-style", "font-weight", "font-variant"),
    *("text-align", "text-decoration", "text-indent", "text-transform", "vertical-align"),
    *("white-space", "word-break", "overflow-wrap", "line-height", "letter-spacing"),
    *("width", "height", "min-width", "max-width", "min-height", "max-height"),
    *("border-collapse", "border-spacing", "border-radius", "border-color", "border-style"),
    *("border-width", "list-style-type"),
    *(f"border{side}" for side in _SIDES),
    *(f"padding{side}" for side in _SIDES),
}
# What lets elements lie over each other, or takes long to draw. Where 20,000 plain elements take a
# page half a second, as many lines of no height with wide padding took it 23, cells that span 1000
# columns 38, justified text 60.
_COSTLY_STYLE = re.compile(
    r"height|font:[^;]*/|opacity|gradient|wavy|dotted|dashed|double|radius|spacing|indent"
    r"|vertical-align:\s*[^a-z\s]|(?:padding|border)[^;]*(?:[4-9]\d|\d{3}|\d(?:[a-oq-z%]|p[^x]))",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([^()]*\)", re.IGNORECASE)
_STYLE = re.compile(r' style="([^"]*)"')
_COSTLY_MARKUP = re.compile(r' dir="|<details|<q\b')
_KEEPS_LINES = re.compile(r"<pre|white-space")
_SPANNING = re.compile(r'<[^>]*span="[^>]*>')
_SPAN = re.compile(r'span="(\d+)"')
_MARKUP = re.compile(r"<[^>]*>")  # nh3 escapes ">" everywhere else
_CHARACTERS = 25  # of text take a page as long as a tag
_RUN = 3  # tags that take a page as long as a change of script
_COSTLY = 24  # tags that could be laid out in the time that one such style takes
_BAD_STYLE = re.compile(r"justify|url|image|\\|/\*|@|expression|var\(|attr\(|src", re.IGNORECASE)
_LINK = re.compile(r"https?://", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=\s]*)\Z")
_SOURCE = re.compile(r'<img[^>]*? src="([^"]*)"')
_LENGTH = re.compile(r"(\d{1,5})(?:px|%)?\Z")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_EMPTY = {"br", "hr", "img", "col", "wbr"}
_IMAGE = re.compile(r'<img((?:\s+[a-z]+="[^"]*")*)>')
_IGNORE = "mathjax_ignore tex2jax_ignore"  # MathJax 3 and 4, and what Jupyter had before


def safe_html(text: str) -> str:
    """The same HTML without what could act. Refused: too many elements, or too deep."""
    clean = _IMAGE.sub(_shown, _CLEANER.clean(text))
    _check_size(clean)
    return clean


def _shown(image: re.Match[str]) -> str:
    """A picture that is not loaded is not shown as a broken one."""
    return image[0] if ' src="' in image[1] else NO_PICTURE


def boxed(clean: str, note: str = "") -> str:
    """Sanitised HTML in a box that it cannot leave; ``note``: plain text below it."""
    below = f'<div style="color:gray;font-size:small">{html.escape(note)}</div>' if note else ""
    return (
        f'<div class="{_IGNORE}" style="contain:content;overflow:auto;max-height:600px">'
        f"{clean}</div>{below}"
    )


def has_script(text: str) -> bool:
    """Whether the HTML came with scripts, so that people can be told that they are gone."""
    return re.search(r"<script\b", text, re.IGNORECASE) is not None


def cost(clean: str) -> int:
    """What sanitised HTML takes a page, in tags."""
    return _cost_of_elements(clean) + text_cost(_MARKUP.sub("", clean))


def pixels(clean: str) -> int:
    """Of all pictures in sanitised HTML: a browser unpacks them."""
    sizes = (_picture_size(found[1]) for found in _SOURCE.finditer(clean))
    return sum(math.prod(size) for size in sizes if size)


def text_cost(text: str) -> int:
    """What text takes a page, in tags."""
    return len(text) // _CHARACTERS + _RUN * runs.count(text)


def _cost_of_elements(clean: str) -> int:
    styles = (_COLOUR.sub("", found[1]) for found in _STYLE.finditer(clean))
    costly = sum(_COSTLY_STYLE.search(style) is not None for style in styles)
    costly += len(_COSTLY_MARKUP.findall(clean))
    spans = sum(
        math.prod(int(value) for value in _SPAN.findall(tag)) for tag in _SPANNING.findall(clean)
    )
    return clean.count("<") + _COSTLY * costly + spans


def _check_size(clean: str) -> None:
    if _cost_of_elements(clean) > MAX_TAGS:
        raise Refused(f"it has more than {MAX_TAGS // 2} elements, or too many that overlap")
    text = _MARKUP.sub("", clean)
    if len(text) > MAX_TEXT or runs.count(text) > runs.MAX_RUNS:
        raise Refused(
            f"it has more than {MAX_TEXT} characters of text, or {runs.MAX_RUNS} changes of script"
        )
    if _KEEPS_LINES.search(clean) and text.count("\n") > MAX_LINES:
        raise Refused(f"it has more than {MAX_LINES} lines")
    depth = 0
    for tag in _TAG.finditer(clean):  # well-formed: nh3 wrote it
        if tag[1]:
            depth -= 1
        elif tag[2] not in _EMPTY:
            depth += 1
            if depth > MAX_DEPTH:
                raise Refused(f"its elements are nested more than {MAX_DEPTH} deep")


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return None if _BAD_STYLE.search(value) else value
    if name == "align":
        return None if value.lower() == "justify" else value
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "src":
        return value if _picture_size(value) else None
    if name in ("width", "height", "border", "cellpadding", "cellspacing"):
        length = _LENGTH.match(value)
        return value if length and int(length[1]) <= _MAX_SIDE else None
    if name in ("colspan", "rowspan", "span", "start"):
        number = value.isascii() and value.isdigit() and len(value) < 9  # int() refuses long ones
        return value if number and int(value) <= _MAX_SPAN else None
    return value


def _picture_size(value: str) -> tuple[int, int] | None:
    found = _PICTURE.match(value)
    if not found:
        return None
    try:
        data = base64.b64decode("".join(found[1].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return picture.size(data)


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_GONE,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "data"},
    filter_style_properties=_PROPERTIES,
)
