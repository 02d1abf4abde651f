"""A cell without ``main`` is the body of one.

The text is written twice, with blanks for what the other half holds, so that every line and
column stays: first what must be at file scope (``#include``, functions, what these refer to),
then ``int main(void) {`` and the rest. ``#line`` gives each half the lines of the notebook cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypercell.kernel.languages.clang import headers
from hypercell.kernel.languages.clang.items import Item, Sort, cut
from hypercell.kernel.languages.clang.lexer import Kind, Token, blank, directive, tokens, words

NAME = "cell"  # what __FILE__, diagnostics and DWARF call the source of a cell


def translation_unit(source: str, first_line: int, *, complete: bool = False) -> str:
    """What clang gets for a cell whose first line is ``first_line`` of the notebook cell.

    ``complete``: there are other sources, which may hold ``main``, so that a cell of definitions
    alone is left as it is.
    """
    source = source if source.endswith("\n") else source + "\n"
    found = tokens(source)
    if defines_main(found):
        return f'#line {first_line} "{NAME}"\n{source}'
    items = cut(found)
    names = {token.text for token in found if token.kind is Kind.NAME}
    if items is None:
        return _prelude(names, frozenset()) + _unfinished(source, first_line, found)
    statements = [item for item in items if item.sort is Sort.STATEMENT]
    if not statements and (complete or _includes_own_files(items)):
        return f'#line {first_line} "{NAME}"\n{source}'
    return _prelude(names, _declared(items)) + _halves(source, first_line, items, names)


def _prelude(names: set[str], own: frozenset[str]) -> str:
    return "".join(f"#include <{header}>\n" for header in headers.for_names(names, own))


def defines_main(found: Sequence[Token]) -> bool:
    """Whether ``main`` is defined at file scope."""
    depth = 0
    for at, token in enumerate(found):
        if token.kind is Kind.MARK and token.text in "{([":
            depth += 1
        elif token.kind is Kind.MARK and token.text in "})]":
            depth = max(0, depth - 1)
        elif token.kind is Kind.NAME and token.text == "main" and depth == 0:
            end = _after_parentheses(found, at + 1)
            if (
                end is not None
                and end < len(found)
                and (found[end].text == "{" or found[end].kind is Kind.NAME)
            ):
                return True
    return False


def _after_parentheses(found: Sequence[Token], at: int) -> int | None:
    """Index after ``(…)``, preprocessor lines skipped; None if there is none."""
    if at >= len(found) or found[at].text != "(":
        return None
    depth = 0
    for index in range(at, len(found)):
        if found[index].kind is Kind.MARK:
            depth += {"(": 1, ")": -1}.get(found[index].text, 0)
        if depth == 0:
            after = index + 1
            while after < len(found) and found[after].kind is Kind.DIRECTIVE:
                after += 1
            return after
    return None


def _includes_own_files(items: Sequence[Item]) -> bool:
    return any(
        item.sort is Sort.DIRECTIVE and re.match(r'#\s*include\s*"', item.tokens[0].text)
        for item in items
    )


def _declared(items: Sequence[Item]) -> frozenset[str]:
    return frozenset().union(*(item.declares for item in items))


def _halves(source: str, first_line: int, items: Sequence[Item], names: set[str]) -> str:
    outside = _file_scope(items)
    leading = _leading(items)
    above: list[tuple[int, int]] = []  # pieces that the first half does not show
    below: list[tuple[int, int]] = []
    macros: dict[str, None] = {}
    for at, item in enumerate(items):
        span = (item.start, item.end)
        if item.sort is Sort.DIRECTIVE:
            name, rest = directive(item.tokens[0])
            if at < leading or name in ("include", "include_next", "import", "embed"):
                below.append(span)
            elif name in ("define", "undef") and (macro := re.match(r"\w+", rest)):
                macros[macro[0]] = None
        else:
            (below if at in outside else above).append(span)
    parameters = "void"
    if {"argc", "argv"} & (names - _declared(items)):
        parameters = "int argc, char **argv"
    split = 0
    if leading:  # a directive whose last line is continued reaches to the end
        split = source.find("\n", items[leading - 1].end) + 1 or len(source)
    first = _without(source, above)  # as long as the source
    between = first_line + source.count("\n", 0, split)
    last = first_line + source.count("\n") - 1
    return "".join(
        (
            f'#line {first_line} "{NAME}"\n',
            first[:split],
            # The second half begins with the macros that the first began with.
            *(f'#pragma push_macro("{macro}")\n' for macro in macros),
            f'#line {between} "{NAME}"\n' if macros else "",
            first[split:],
            *(f'#pragma pop_macro("{macro}")\n' for macro in macros),
            f'#line {first_line} "{NAME}"\n',
            f"int main({parameters}) {{\n",
            f'#line {first_line} "{NAME}"\n',
            _without(source, below),
            f'#line {last} "{NAME}"\n',
            "return 0; }\n",
        )
    )


def _leading(items: Sequence[Item]) -> int:
    """How many items at the start are preprocessor lines that hold for all of the cell."""
    for at, item in enumerate(items):
        if item.sort is not Sort.DIRECTIVE or directive(item.tokens[0])[0] not in (
            "include",
            "define",
            "undef",
            "pragma",
        ):
            return at
    return len(items)


def _unfinished(source: str, first_line: int, found: Sequence[Token]) -> str:
    """Brackets do not match: clang says where, best if no text of ours follows the cell's."""
    body = next((token.start for token in found if token.kind is not Kind.DIRECTIVE), 0)
    start = source.rfind("\n", 0, body) + 1
    line = first_line + source.count("\n", 0, start)
    return (
        f'#line {first_line} "{NAME}"\n{source[:start]}#line {line} "{NAME}"\nint main(void) {{\n'
        f'#line {line} "{NAME}"\n{source[start:]}'
    )


def _without(source: str, spans: Sequence[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [source[at:start], blank(source, start, end)]
        at = end
    return "".join((*pieces, source[at:]))


def _file_scope(items: Sequence[Item]) -> set[int]:
    """Functions, prototypes and, of what comes before the last of these, what they use."""
    roots = {at for at, item in enumerate(items) if item.sort in (Sort.FUNCTION, Sort.PROTOTYPE)}
    if not roots:
        return set()
    variables = frozenset().union(*(item.declares for item in items if item.sort is Sort.VARIABLE))
    by_name: dict[str, list[int]] = {}
    for at, item in enumerate(items[: max(roots)]):
        if item.sort is Sort.TYPE or (item.sort is Sort.VARIABLE and _constant(item, variables)):
            for name in item.declares:
                by_name.setdefault(name, []).append(at)
    chosen = set(roots)
    waiting = [name for at in roots for name in items[at].names]
    while waiting:
        for at in by_name.pop(waiting.pop(), ()):
            if at not in chosen:
                chosen.add(at)
                waiting += items[at].names
    return chosen


def _constant(item: Item, variables: frozenset[str]) -> bool:
    """Whether a variable may stand at file scope: its initialiser and its size look constant."""
    if item.tokens[0].text in ("register", "auto"):
        return False
    found = item.tokens
    value = False  # behind a = or inside brackets
    depth = 0
    for at, token in enumerate(found):
        if token.kind is Kind.MARK:
            if token.text in "[=":
                value = True
            depth += token.text in ("(", "[", "{")
            depth -= token.text in (")", "]", "}")
            if token.text in ",;" and depth == 0:
                value = False
        elif value and token.kind is Kind.NAME:
            called = at + 1 < len(found) and found[at + 1].text == "("
            before = found[at - 1].text
            if called and token.text not in _CONSTANT_CALLS and not token.text.isupper():
                return False
            if (
                token.text in variables
                and before not in ("&", "sizeof", ".")
                and (at < 2 or found[at - 2].text != "sizeof")
            ):
                return False
    return True


_CONSTANT_CALLS = words("sizeof alignof _Alignof offsetof __builtin_offsetof")
