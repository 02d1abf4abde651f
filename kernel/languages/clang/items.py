"""Cut a cell into its top-level items: functions, declarations, statements, preprocessor lines.

This is a guess by the shape of the tokens, for cells without ``main`` only. Where the braces do
not balance it gives up (None), and the whole cell counts as statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from hypercell.kernel.languages.clang.lexer import Kind, Token, words


class Sort(Enum):
    """What an item is."""

    FUNCTION = "function"  # a definition
    PROTOTYPE = "prototype"
    TYPE = "type"  # typedef, struct, union or enum without a variable
    VARIABLE = "variable"
    STATEMENT = "statement"
    DIRECTIVE = "directive"


class Item(msgspec.Struct, frozen=True):
    """``tokens``: the item's, in order; ``declares``: names it brings into scope."""

    sort: Sort
    tokens: tuple[Token, ...]
    declares: frozenset[str] = frozenset()

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end

    @property
    def names(self) -> frozenset[str]:
        """Every identifier in it."""
        return frozenset(token.text for token in self.tokens if token.kind is Kind.NAME)


_MAX_TOKENS = 50_000
_MAX_HEAD = 256  # tokens before the body of a function
_OPEN = {"(": ")", "[": "]", "{": "}"}
_CONTROL = words("if for while switch")
_STATEMENTS = _CONTROL | words(
    "do else return goto break continue case default asm __asm__ __asm sizeof"
)
_SPECIFIERS = words("""
    void char short int long float double signed unsigned _Bool bool _Complex _Imaginary _BitInt
    struct union enum typedef static extern const volatile register auto inline restrict
    _Noreturn _Atomic _Thread_local thread_local __thread _Alignas alignas constexpr typeof
    __typeof__ typeof_unqual __extension__ __attribute__ __inline __inline__ __restrict
    _Static_assert static_assert _Float16 __int128 __builtin_va_list
""")
_ATTRIBUTES = words("""
    __attribute__ _Alignas alignas __asm__ asm __asm typeof __typeof__ typeof_unqual _BitInt
""")


class _UnbalancedError(Exception):
    """Brackets do not match."""


def cut(tokens: Sequence[Token]) -> list[Item] | None:
    """The items in order, or None where brackets do not balance or the cell is very large."""
    if len(tokens) > _MAX_TOKENS:
        return None
    items: list[Item] = []
    at = 0
    try:
        while at < len(tokens):
            end = _item_end(tokens, at)
            piece = tuple(tokens[at:end])
            items.append(_classify(piece))
            at = end
    except (_UnbalancedError, RecursionError):
        return None
    return items


def _group(tokens: Sequence[Token], at: int) -> int:
    """Index after the bracket that closes the one at ``at``."""
    waiting = []
    for index in range(at, len(tokens)):
        token = tokens[index]
        if token.kind is not Kind.MARK:
            continue
        if token.text in _OPEN:
            waiting.append(_OPEN[token.text])
        elif token.text in ")]}":
            if not waiting or waiting.pop() != token.text:
                raise _UnbalancedError
            if not waiting:
                return index + 1
    raise _UnbalancedError


def _is(tokens: Sequence[Token], at: int, text: str) -> bool:
    return at < len(tokens) and tokens[at].text == text and tokens[at].kind is not Kind.TEXT


def _item_end(tokens: Sequence[Token], at: int) -> int:
    """Index after the item that begins at ``at``."""
    first = tokens[at]
    if first.kind is Kind.DIRECTIVE:
        return at + 1
    if first.kind is Kind.NAME and (first.text in _STATEMENTS or _is(tokens, at + 1, ":")):
        return _statement_end(tokens, at)
    if _is(tokens, at, "{"):
        return _group(tokens, at)
    if _is(tokens, at, "}"):
        raise _UnbalancedError
    return _simple_end(tokens, at)


def _statement_end(tokens: Sequence[Token], at: int) -> int:
    """The end of a statement with substatements."""
    if at >= len(tokens):
        raise _UnbalancedError
    token = tokens[at]
    if token.kind is Kind.DIRECTIVE:  # between `if (x)` and its statement
        return _statement_end(tokens, at + 1)
    if _is(tokens, at, "{"):
        return _group(tokens, at)
    if token.kind is not Kind.NAME:
        return _simple_end(tokens, at)
    if token.text in _CONTROL:
        if not _is(tokens, at + 1, "("):
            return _simple_end(tokens, at)
        end = _statement_end(tokens, _group(tokens, at + 1))
        after = end
        while after < len(tokens) and tokens[after].kind is Kind.DIRECTIVE:
            after += 1
        if token.text == "if" and _is(tokens, after, "else"):
            return _statement_end(tokens, after + 1)
        return end
    if token.text == "do":
        return _simple_end(tokens, _statement_end(tokens, at + 1))
    if _is(tokens, at + 1, ":"):  # a label
        return at + 2 if at + 2 >= len(tokens) else _statement_end(tokens, at + 2)
    return _simple_end(tokens, at)


def _simple_end(tokens: Sequence[Token], at: int) -> int:
    """The end of a declaration, a function definition or an expression: ``;`` or a body's ``}``."""
    begin, assigned = at, False
    while at < len(tokens):
        token = tokens[at]
        if token.kind is Kind.MARK:
            if token.text == ";":
                return at + 1
            if token.text == "=":
                assigned = True
            elif token.text == "{" and not assigned and _ends_a_head(tokens, begin, at):
                return _group(tokens, at)
            if token.text in _OPEN:
                at = _group(tokens, at)
                continue
            if token.text in ")]}":
                raise _UnbalancedError
        at += 1
    return at  # a missing semicolon: clang says so


def _ends_a_head(tokens: Sequence[Token], begin: int, brace: int) -> bool:
    """Whether the ``{`` begins the body of a function, or of a macro such as ``EACH(x) {``."""
    if brace - begin > _MAX_HEAD:
        return False
    before = tokens[begin:brace]
    if not any(token.text == "(" for token in before):
        return False
    if before[0].kind is Kind.NAME and _is(before, 1, "(") and _group(before, 1) == len(before):
        return True
    # `struct __attribute__((packed)) {` is no function, nor is `return (struct p){1}`.
    return _head_name(before) is not None and before[-1].text not in ("struct", "union", "enum")


def _head_name(head: Sequence[Token]) -> str | None:
    """The name of the function that a head ``type name(...)`` defines, if it is one."""
    at = 0
    while at < len(head):
        token = head[at]
        if token.text in ("struct", "union", "enum") and token.kind is Kind.NAME:
            at = _after_attributes(head, at + 1)
            if at < len(head) and head[at].kind is Kind.NAME:
                at += 1
            if _is(head, at, "{"):
                at = _group(head, at)
            continue
        if token.text in _ATTRIBUTES and _is(head, at + 1, "("):
            at = _group(head, at + 1)
            continue
        if _calls(head, at, token) and token.text not in _SPECIFIERS:
            return token.text if at > 0 else None
        if token.text == "(":
            # int (*f(void))(int) and int (f)(int) are functions, int (*f)(int) is none.
            inner = head[at + 1 : _group(head, at) - 1]
            if len(inner) == 1 and inner[0].kind is Kind.NAME:
                return inner[0].text
            return next((t.text for i, t in enumerate(inner) if _calls(inner, i, t)), None)
        if token.text == "[":
            at = _group(head, at)
            continue
        at += 1
    return None


def _calls(tokens: Sequence[Token], at: int, token: Token) -> bool:
    return token.kind is Kind.NAME and _is(tokens, at + 1, "(")


def _after_attributes(tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens) and tokens[at].text in _ATTRIBUTES and _is(tokens, at + 1, "("):
        at = _group(tokens, at + 1)
    return at


def _classify(piece: tuple[Token, ...]) -> Item:
    first = piece[0]
    if first.kind is Kind.DIRECTIVE:
        return Item(Sort.DIRECTIVE, piece)
    if not _declares_something(piece):
        return Item(Sort.STATEMENT, piece)
    name = _head_name(piece)
    if piece[-1].text == "}" and name:
        return Item(Sort.FUNCTION, piece, frozenset({name}))
    types, variables, prototype = _declared(piece)
    if first.text == "typedef":
        return Item(Sort.TYPE, piece, types | variables)
    if prototype:
        return Item(Sort.PROTOTYPE, piece, variables)
    if variables:
        return Item(Sort.VARIABLE, piece, types | variables)
    return Item(Sort.TYPE, piece, types)


def _declares_something(piece: tuple[Token, ...]) -> bool:
    """Whether it looks like a declaration rather than a statement."""
    first = piece[0]
    if first.text == "[" and _is(piece, 1, "["):
        return True
    if first.kind is not Kind.NAME or first.text in _STATEMENTS:
        return False
    if first.text in _SPECIFIERS:
        return True
    at = 1
    while at < len(piece) and piece[at].text in ("*", "const", "volatile", "restrict"):
        at += 1
    if at >= len(piece) or piece[at].kind is not Kind.NAME or piece[at].text in _STATEMENTS:
        return False
    # `a * b;` is a declaration in C where a is a type; as an expression it would do nothing.
    return (
        at + 1 >= len(piece)
        or piece[at + 1].text in ("=", ";", ",", "[", "(", "*", ":")
        or (piece[at + 1].kind is Kind.NAME)
    )


def _declared(piece: tuple[Token, ...]) -> tuple[frozenset[str], frozenset[str], bool]:
    """(tags and enumerators, declarators, whether all of these are function prototypes)."""
    types: set[str] = set()
    variables: set[str] = set()
    at, candidate, skip, functions, count = 0, "", False, 0, 0
    pointer = False
    while at < len(piece):
        token = piece[at]
        if token.text in ("struct", "union", "enum"):
            at = _after_attributes(piece, at + 1)
            if at < len(piece) and piece[at].kind is Kind.NAME:
                types.add(piece[at].text)
                at += 1
            if _is(piece, at, "{"):
                end = _group(piece, at)
                if token.text == "enum":
                    types |= _enumerators(piece[at + 1 : end - 1])
                at = end
            continue
        if token.text in _ATTRIBUTES and _is(piece, at + 1, "("):
            at = _group(piece, at + 1)
            continue
        if token.text in (",", ";") and token.kind is Kind.MARK:
            if candidate:
                variables.add(candidate)
                count += 1
            candidate, skip, pointer = "", False, False
        elif token.text == "=" and token.kind is Kind.MARK:
            skip = True
        elif token.text in _OPEN and token.kind is Kind.MARK:
            end = _group(piece, at)
            if not skip and token.text == "(":
                if _is(piece, at + 1, "*") or not candidate:  # int (*name)(int)
                    inner = [t.text for t in piece[at:end] if t.kind is Kind.NAME]
                    candidate = inner[0] if inner else candidate
                    pointer = True
                elif not pointer:
                    functions += 1
            at = end
            continue
        elif token.kind is Kind.NAME and not skip and token.text not in _SPECIFIERS:
            candidate = token.text
        at += 1
    if candidate:
        variables.add(candidate)
        count += 1
    return frozenset(types), frozenset(variables), 0 < functions == count


def _enumerators(body: Sequence[Token]) -> set[str]:
    found, expect = set(), True
    at = 0
    while at < len(body):
        token = body[at]
        if token.text in _OPEN and token.kind is Kind.MARK:
            at = _group(body, at)
            continue
        if expect and token.kind is Kind.NAME:
            found.add(token.text)
        expect = token.text == ","
        at += 1
    return found
