"""A cell leaves the rest of the page alone: other cells' output and source, formulas, place."""

from __future__ import annotations

from notebook_page import NotebookPage

_PRELUDE = "from IPython.display import *\n"
VICTIM, UPDATER, INSERTER, FORGER, MACRO, FORMULA, OVERLAY, GIANT, LAST = range(9)
CELLS = [
    f"{_PRELUDE}shown = display(HTML('<b>the original</b>'), display_id='victim')",
    f"{_PRELUDE}update_display(HTML('<b>REPLACED</b>'), display_id='victim')",
    "try:\n    get_ipython().set_next_input('REPLACED', replace=True)\n"
    "except (AttributeError, NameError):\n    print('no such thing')",
    # What the runtime itself would say, said by the cell: kinds of records that do not exist.
    "try:\n    from wit_world.imports import display as door\n"
    '    door.emit(\'{"kind": "set_next_input", "data": {"text": "REPLACED"}}\')\n'
    "except ImportError:\n    print('ipykernel has none')",
    f"{_PRELUDE}display(Latex(r'$\\renewcommand{{\\beta}}{{\\text{{REPLACED}}}}$'))\n"
    "display(Markdown(r'$\\renewcommand{\\gamma}{\\text{REPLACED}}$'))\n"
    "display(HTML(r'$\\renewcommand{\\delta}{\\text{REPLACED}}$'))",
    f"{_PRELUDE}display(Latex(r'$\\beta$'))\n"
    "display(Markdown(r'$\\gamma$'))\ndisplay(Latex(r'$\\delta$'))",
    f'{_PRELUDE}display(HTML(\'<div style="position:fixed;inset:0;z-index:99999;background:red">'
    'OVERLAY</div><p style="margin-top:-999px">up</p>\'))',
    f"{_PRELUDE}display(HTML('<div style=\"height:10000000px;width:10000000px\">x</div>'))",
    "1",
]
_OUTSIDE = """node => {
  const outer = node.getBoundingClientRect();
  return [...node.querySelectorAll('[data-mime-type] *')].some(element => {
    const inner = element.getBoundingClientRect();
    return inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  });
}"""
_HEIGHT = "node => node.getBoundingClientRect().height"


def test_a_display_of_another_cell_is_replaced_without_protection(raw: NotebookPage) -> None:
    assert raw.text(VICTIM).strip() == "REPLACED"


def test_a_display_of_another_cell_stays(ours: NotebookPage) -> None:
    assert ours.text(VICTIM).strip() == "the original"
    assert ours.text(UPDATER).strip() == "REPLACED"  # in its own place


def test_the_source_is_replaced_without_protection(raw: NotebookPage) -> None:
    assert raw.source(INSERTER) == "REPLACED"


def test_sources_stay(ours: NotebookPage) -> None:
    assert ours.count() == len(CELLS)
    assert [ours.source(number) for number in range(len(CELLS))] == CELLS
    assert ours.text(INSERTER).strip() == "no such thing"
    assert "ProtocolViolation" in ours.text(FORGER)


def test_formulas_of_other_cells_change_without_protection(raw: NotebookPage) -> None:
    raw.settle_until(lambda: "REPLACED" in raw.text(FORMULA))
    assert "REPLACED" in raw.text(FORMULA)


def test_formulas_of_other_cells_stay(ours: NotebookPage) -> None:
    ours.settle_until(lambda: all(letter in ours.text(FORMULA) for letter in "𝛽𝛾𝛿"))
    assert "REPLACED" not in ours.text(FORMULA)
    assert [letter in ours.text(FORMULA) for letter in "𝛽𝛾𝛿"] == [True] * 3


def test_a_cell_leaves_its_place_without_protection(raw: NotebookPage) -> None:
    assert raw.evaluate(OVERLAY, _OUTSIDE)
    assert raw.evaluate(GIANT, _HEIGHT) > 1_000_000


def test_a_cell_stays_in_its_place(ours: NotebookPage) -> None:
    assert ours.text(OVERLAY).split() == ["OVERLAY", "up"]
    assert not ours.evaluate(OVERLAY, _OUTSIDE)
    assert ours.evaluate(GIANT, _HEIGHT) < 1000


def test_what_is_saved_is_what_the_list_allows(ours: NotebookPage) -> None:
    allowed = {"text/plain", "text/html", "application/json", "image/png", "image/jpeg"}
    for number in range(len(CELLS)):
        for output in ours.outputs(number):
            assert set(output.get("data", {})) <= allowed
            assert output.get("metadata", {}) == {}
            assert output["output_type"] in ("display_data", "execute_result", "stream", "error")
