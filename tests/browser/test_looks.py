"""What is shown looks as people expect: a table as pandas makes it, a drawing, a formula."""

from __future__ import annotations

from pathlib import Path

from notebook_page import NotebookPage

TABLE = """<div>
<style scoped>
    .dataframe tbody tr th { vertical-align: top; }
</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;">
    <th></th><th>name</th><th>year</th><th>share</th>
  </tr></thead>
  <tbody>
    <tr><th>0</th><td>Ada</td><td>1815</td><td>0.51</td></tr>
    <tr><th>1</th><td>Grace</td><td>1906</td><td>0.27</td></tr>
    <tr><th>2</th><td>Barbara &lt;3</td><td>1939</td>
      <td style="background-color: #fde725">1.00</td></tr>
  </tbody>
</table>
<p>3 rows, 3 columns</p>
</div>"""
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="120" height="80">
<rect x="10" y="10" width="100" height="60" fill="teal"/>
<circle cx="60" cy="40" r="20" fill="gold"/>
<text x="40" y="75" font-size="10">chart</text></svg>"""
FRAME, DRAWING, TEXT, FORMULA = range(4)
CELLS = [
    f"class Frame:\n    def _repr_html_(self):\n        return '''{TABLE}'''\nFrame()",
    f"from IPython.display import *\nSVG('''{SVG}''')",
    "Markdown('## A heading\\n\\n|a|b|\\n|-|-:|\\n|1|2|\\n\\n```python\\nx = 1\\n```\\n\\n"
    "- one\\n- **two**\\n\\n[a link](https://example.org) and $e^{i\\\\pi} = -1$')",
    "Latex(r'$$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$$')",
]
_STYLES = (
    "fontSize fontFamily fontWeight textAlign paddingTop paddingLeft color backgroundColor "
    "borderTopStyle borderTopWidth borderCollapse whiteSpace display"
)
_LOOK = (
    "node => { const table = node.querySelector('table'), zero = table.getBoundingClientRect();"
    "return [...table.querySelectorAll('tr, th, td')].map(cell => { const r = "
    "cell.getBoundingClientRect(), s = getComputedStyle(cell); return [cell.textContent, "
    f"'{_STYLES}'.split(' ').map(name => s[name]), Math.round(r.x - zero.x), "
    "Math.round(r.y - zero.y), Math.round(r.width), Math.round(r.height)] }) }"
)


def test_a_table_looks_as_it_does_in_any_notebook(raw: NotebookPage, ours: NotebookPage) -> None:
    assert ours.evaluate(FRAME, _LOOK) == raw.evaluate(FRAME, _LOOK)
    assert "3 rows, 3 columns" in ours.text(FRAME)


def test_a_drawing_is_drawn(ours: NotebookPage, tmp_path: Path) -> None:
    ours.settle_until(
        lambda: bool(ours.evaluate(DRAWING, "node => node.querySelector('img').complete"))
    )
    size = ours.evaluate(
        DRAWING,
        "node => { const i = node.querySelector('img'); return [i.complete, i.naturalWidth, "
        "i.naturalHeight, i.getBoundingClientRect().width] }",
    )
    assert size == [True, 120, 80, 120]
    colours = ours.evaluate(
        DRAWING,
        "node => { const c = document.createElement('canvas'); c.width = 120; c.height = 80;"
        "const x = c.getContext('2d'); x.drawImage(node.querySelector('img'), 0, 0);"
        "return [[15, 15], [60, 40]].map(([a, b]) => [...x.getImageData(a, b, 1, 1).data]) }",
    )
    assert colours == [[0, 128, 128, 255], [255, 215, 0, 255]]


def test_markdown_and_formulas(ours: NotebookPage) -> None:
    count = "node => ['h2', 'td', 'pre code', 'li', 'strong', 'a', 'mjx-container'].map(tag => "
    count += "node.querySelectorAll(tag).length)"
    fractions = "node => node.querySelectorAll('mjx-mfrac').length"
    ours.settle_until(lambda: bool(ours.evaluate(FORMULA, fractions)))
    assert ours.evaluate(TEXT, count) == [1, 2, 1, 2, 1, 1, 1]
    assert ours.evaluate(FORMULA, fractions) == 1
    link = "node => { const a = node.querySelector('a'); return [a.target, a.rel] }"
    target, rel = ours.evaluate(TEXT, link)
    assert target == "_blank"
    assert "noopener" in rel.split()
