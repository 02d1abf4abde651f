r"""Formulas: which LaTeX may be handed to the page's MathJax.

MathJax has one set of macros for the whole page: ``\gdef\alpha{…}`` in one cell would change the
formulas of all others, and ``\label`` their numbers. So only commands of this list pass, which
write mathematics and neither define, link, load nor take room of any size.
"""

from __future__ import annotations

import re

MAX_LENGTH = 8192  # characters
_MAX_COMMANDS = 1000
_MAX_DEPTH = 40

_LETTERS = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu
xi omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma Gamma
Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega aleph beth gimel daleth ell hbar hslash imath
jmath wp Re Im partial nabla infty emptyset varnothing complement eth
"""
_SIGNS = """
pm mp times div cdot ast star circ bullet oplus ominus otimes oslash odot dagger ddagger amalg cap
cup uplus sqcap sqcup vee wedge lor land lnot neg setminus smallsetminus wr diamond bigtriangleup
bigtriangledown triangleleft triangleright lhd rhd unlhd unrhd leq le geq ge neq ne equiv sim simeq
approx approxeq cong doteq propto asymp prec succ preceq succeq ll gg lll ggg subset supset subseteq
supseteq subsetneq supsetneq sqsubseteq sqsupseteq in notin ni mid nmid parallel nparallel perp
models vdash dashv Vdash vDash bowtie smile frown not leqslant geqslant lesssim gtrsim forall exists
nexists top bot angle measuredangle triangle square Box blacksquare checkmark surd prime backprime
flat natural sharp clubsuit diamondsuit heartsuit spadesuit therefore because dots ldots cdots vdots
ddots dotsb dotsc dotsi dotsm colon vert Vert lvert rvert lVert rVert langle rangle lfloor rfloor
lceil rceil lbrace rbrace lbrack rbrack backslash ulcorner urcorner llcorner lrcorner degree
"""
_ARROWS = """
leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow uparrow downarrow
updownarrow Uparrow Downarrow Updownarrow to gets mapsto longmapsto longleftarrow longrightarrow
longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow hookleftarrow hookrightarrow
nearrow searrow swarrow nwarrow leftharpoonup rightharpoonup rightleftharpoons implies impliedby iff
xrightarrow xleftarrow leadsto
"""
_OPERATORS = """
sum prod coprod int iint iiint oint bigcap bigcup bigsqcup bigvee bigwedge bigodot bigotimes
bigoplus biguplus arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg
lim liminf limsup ln log max min Pr sec sin sinh sup tan tanh bmod pmod mod operatorname limits
nolimits
"""
_FORMS = """
frac dfrac tfrac cfrac binom dbinom tbinom sqrt stackrel overset underset over choose substack hat
widehat tilde widetilde bar overline underline vec overrightarrow overleftarrow dot ddot dddot acute
grave check breve mathring overbrace underbrace boxed cancel bcancel xcancel pmb boldsymbol bm
mathbf mathrm mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathnormal text textbf textit
textrm textsf texttt rm bf it displaystyle textstyle scriptstyle scriptscriptstyle left right middle
big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr quad qquad enspace thinspace begin end
hline ket bra braket mathop mathrel mathbin mathord nonumber notag tiny small normalsize large
"""
_NAMES = """
matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array cases aligned align alignedat
equation gather gathered multline split eqnarray
"""
_COMMANDS = frozenset(" ".join((_LETTERS, _SIGNS, _ARROWS, _OPERATORS, _FORMS)).split())
_ENVIRONMENTS = frozenset(_NAMES.split())
_CHARACTERS = frozenset("\\,;:!{}%&#$_| >")
_COMMAND = re.compile(r"\\([A-Za-z]+|.|\Z)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{([^{}]*)\}")
_ROOM = re.compile(r"\\\\\*?\s*\[")  # a line break of any height


def refusal(text: str) -> str:
    """Why MathJax does not get this; empty if it may."""
    if len(text) > MAX_LENGTH:
        return f"a formula may have {MAX_LENGTH} characters"
    commands = _COMMAND.findall(text)
    if len(commands) > _MAX_COMMANDS:
        return f"a formula may have {_MAX_COMMANDS} commands"
    for name in commands:
        known = name.rstrip("*") in _COMMANDS if name.isalpha() else name in _CHARACTERS
        if not known:
            return f"\\{name[:40]} is not among the commands that formulas may use"
    environments = _ENVIRONMENT.findall(text)
    if len(environments) != sum(name in ("begin", "end") for name in commands):
        return "an environment's name is missing"
    for name in environments:
        if name.removesuffix("*") not in _ENVIRONMENTS:
            return f"there is no environment {name[:40]}"
    if _ROOM.search(text):
        return "a line break has no height of its own here"
    return "" if _depth(text) <= _MAX_DEPTH else f"braces may be nested {_MAX_DEPTH} deep"


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        deepest = max(deepest, depth)
    return deepest
