"""SVG as a checked picture."""

from __future__ import annotations

import base64
import re

import pytest

from hypercell.kernel.display.refused import Refused
from hypercell.kernel.display.svg import MAX_ELEMENTS, svg_image

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def inner(body: str, attributes: str = "") -> str:
    """The SVG within the picture that ``body`` becomes."""
    made, _ = svg_image(f"<svg {NS} {attributes}>{body}</svg>")
    found = re.fullmatch(
        r'<img alt="SVG" src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]*)" style="[^"<>]*">', made
    )
    assert found, made
    return base64.b64decode(found[1]).decode()


def test_a_drawing_stays() -> None:
    body = '<g transform="scale(2)"><circle cx="5" cy="5" r="4" fill="url(#a)"></circle>'
    body += '<text x="1" style="font-size:9px">a &lt; b</text></g>'
    assert body in inner(body)


@pytest.mark.parametrize(
    "body",
    [
        "<script>x()</script>",
        '<use xlink:href="#a"/>',
        '<image href="https://evil.example"/>',
        "<foreignObject><body onload='x()'/></foreignObject>",
        "<style>@import url(//evil.example)</style>",
        '<filter id="f"><feTurbulence/></filter>',
        '<pattern id="p"/><mask id="m"/><marker id="k"/><symbol id="s"/>',
        '<animate attributeName="d"/><set attributeName="href"/>',
        '<x:script xmlns:x="http://www.w3.org/1999/xhtml">x()</x:script>',
        '<html:rect xmlns:html="http://www.w3.org/1999/xhtml"/>',
        "<?xml-stylesheet href='//evil.example'?>",
    ],
)
def test_what_is_not_on_the_list_is_left_out(body: str) -> None:
    assert inner(body) == '<svg xmlns="http://www.w3.org/2000/svg"></svg>'


@pytest.mark.parametrize(
    "attribute",
    [
        'onload="x()"',
        'fill="url(//evil.example)"',
        'style="filter:url(#f)"',
        'style="fill:url(#a) url(https://evil.example)"',
        'filter="url(#f)"',
        'mask="url(#f)"',
        'xlink:href="javascript:x()"',
        'href="#a"',
        'class="a"',
    ],
)
def test_attributes_are_left_out(attribute: str) -> None:
    assert inner(f"<rect {attribute}/>").endswith("<rect></rect></svg>")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html/>",
        "<svg",
        "<svg><g></svg>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>',
        '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
        '<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://evil.example"> %a;]><svg/>',
        "<svg>" + "<g>" * 50 + "</g>" * 50 + "</svg>",
        "<svg>" + "<g/>" * (MAX_ELEMENTS + 1) + "</svg>",
        "<svg>" + '<g opacity="0.5"/>' * 1000 + "</svg>",
        "<svg>" + '<g style="opacity:0.5"/>' * 1000 + "</svg>",
        '<svg width="100000"/>',
        '<svg><path d="M0 0L' + "900 600 0 9 " * 10_000 + '"/></svg>',
        "<svg>"
        + '<polygon points="1,2 3,4 5,6"/>' * 1500
        + '<path d="'
        + "1.5.5" * 9000
        + '"/></svg>',
        "<svg>" + " " * (2 << 20) + "</svg>",
    ],
)
def test_it_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        svg_image(text)


@pytest.mark.parametrize("size", ["1e9", "99999999", "5000em", "100%", "", "-1"])
def test_a_size_that_is_none_is_left_out(size: str) -> None:
    image, _ = svg_image(f'<svg {NS} width="{size}" height="{size}"/>')
    assert "width:" not in image.replace("max-width:", "")
    written = inner("", f'width="{size}" height="{size}"')
    assert "width" not in written
    assert "height" not in written


def test_what_drawing_programs_write_is_read() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        f'"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg {NS} width="62pt"><g/></svg>'
    )
    assert 'style="width:83px;' in svg_image(text)[0]
