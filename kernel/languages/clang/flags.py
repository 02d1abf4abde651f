"""Which of clang's flags a magic line may hold: those that concern the translation unit.

Everything runs in a VM, so this list is not the boundary. It refuses what would break the way a
cell is built (other outputs, other inputs, another target) and says what is known instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.clang.lexer import words

KNOWN = (
    "-O0 -O1 -O2 -O3 -Os -Oz -Og -Ofast -std=… -ansi -D -U -I -iquote -isystem -idirafter "
    "-include -imacros -W… -w -pedantic -g… -l -L -m<feature> -f… and -Wl,-z,stack-size=BYTES"
)
MAX_FLAGS = 256
MAX_FLAG_LENGTH = 4096

_WITH_VALUE = (
    "-D",
    "-U",
    "-I",
    "-iquote",
    "-isystem",
    "-idirafter",
    "-include",
    "-imacros",
    "-l",
    "-L",
)
_LEVEL = re.compile(r"-O(?:[0123sgz]|fast)?")
_STANDARD = re.compile(
    r"-std=(?:(?:c|gnu)(?:89|90|9x|99|1x|11|17|18|23|2x|2y)|iso9899:(?:1990|199409|1999|2011|2017|2018|2024))"
)
_WARNING = re.compile(r"-W(?![lap],)[A-Za-z0-9#+=_-]*|-w|-pedantic|-pedantic-errors|-ansi")
_DEBUG = re.compile(
    r"-g(?:[0-3]|gdb[0-3]?|dwarf(?:-[2345])?|line-tables-only|line-directives-only)?"
)
_MACHINE = re.compile(
    r"-m(?:no-)?(?:simd128|relaxed-simd|bulk-memory(?:-opt)?|sign-ext|nontrapping-fptoint|"
    r"multivalue|mutable-globals|reference-types|tail-call|extended-const)"
    r"|-mcpu=(?:mvp|generic|lime1)"
)
_FEATURES = re.compile(
    r"-f(?:no-)?(?:"
    r"strict-aliasing|strict-overflow|strict-enums|strict-return|strict-flex-arrays|wrapv|trapv|"
    r"wrapv-pointer|"
    r"fast-math|finite-math-only|math-errno|associative-math|reciprocal-math|signed-zeros|"
    r"trapping-math|rounding-math|honor-nans|honor-infinities|unsafe-math-optimizations|"
    r"approx-func|inline|inline-functions|inline-hint-functions|unroll-loops|vectorize|"
    r"slp-vectorize|tree-vectorize|tree-slp-vectorize|"
    r"builtin(?:-[a-z0-9_]+)?|freestanding|hosted|common|short-enums|short-wchar|signed-char|"
    r"unsigned-char|omit-frame-pointer|delete-null-pointer-checks|"
    r"keep-static-consts|merge-all-constants|merge-constants|optimize-sibling-calls|"
    r"data-sections|function-sections|gnu89-inline|gnu-keywords|asm|asm-blocks|ms-extensions|"
    r"ms-anonymous-structs|dollars-in-identifiers|"
    r"fixed-point|lax-vector-conversions|stack-size-section|verbose-asm|"
    r"color-diagnostics|diagnostics-color|caret-diagnostics|"
    r"diagnostics-(?:show-option|show-category|show-note-include-stack|fixit-info|"
    r"show-line-numbers|print-source-range-info)|show-column|"
    r"show-source-location|spell-checking|"
    r"jump-tables|zero-initialized-in-bss|"
    r"char8_t|declspec|digraphs|trigraphs|"
    r"defer-ts|raw-string-literals|experimental-late-parse-attributes"
    r")"
    r"|-f(?:fp-contract=(?:on|off|fast|fast-honor-pragmas)|fp-model=(?:precise|strict|fast|aggressive)"
    r"|fp-exception-behavior=(?:ignore|maytrap|strict)"
    r"|lax-vector-conversions=(?:none|integer|all)"
    r"|strict-flex-arrays=[0-3]"
    r"|visibility=(?:hidden|default|protected|internal)"
    r"|trivial-auto-var-init=(?:zero|pattern|uninitialized)"
    r"|error-limit=\d{1,4}|macro-backtrace-limit=\d{1,4}|bracket-depth=\d{1,5}"
    r"|constexpr-steps=\d{1,9}|constexpr-depth=\d{1,5}"
    r"|message-length=\d{1,4}|tabstop=\d{1,2}"
    r"|diagnostics-show-category=(?:none|id|name)|diagnostics-format=(?:clang|msvc|vi)"
    r"|max-type-align=\d{1,4}|pack-struct=\d{1,2})"
)
_AS_THEY_ARE = (_STANDARD, _WARNING, _MACHINE, _FEATURES)
_CHECKS = words("""
    undefined alignment array-bounds bool bounds builtin enum float-cast-overflow
    float-divide-by-zero implicit-conversion integer integer-divide-by-zero nonnull-attribute
    null nullability object-size pointer-overflow return returns-nonnull-attribute shift
    shift-base shift-exponent signed-integer-overflow unreachable unsigned-integer-overflow
    unsigned-shift-base vla-bound
""")
_STACK = re.compile(r"-Wl,-z,stack-size=(\d{1,9})|-Wl,-zstack-size=(\d{1,9})")
_WHY = (
    (re.compile(r"-o|-c|-S|-E|-M.*|-save-temps.*|-emit-.*|-fsyntax-only|-x|--"),
     "a cell is compiled, linked and run: its outputs and its input are fixed"),
    (re.compile(r"-X.*|-mllvm|-Wa,.*|-Wp,.*|-cc1|-f(?:plugin|pass-plugin).*|@.*"),
     "it would reach past the compiler's front door"),
    (re.compile(r"-pthread|-matomics|-fopenmp.*"), "a cell has one thread"),
    (re.compile(r"--?target.*|-march.*|-m(?:32|64|wasm.*)|--sysroot.*|-isysroot|-B.*"),
     "a cell is built for wasm32-wasip1"),
)  # fmt: skip


class Flags(msgspec.Struct, frozen=True):
    """The words of a magic line, sorted. ``stack``: bytes of the C stack."""

    compile: tuple[str, ...] = ()
    link: tuple[str, ...] = ()  # -L and -l, in order
    level: str = "-O1"
    debug: bool = True
    stack: int = 1 << 20

    @property
    def library_paths(self) -> tuple[str, ...]:
        return tuple(word[2:] for word in self.link if word.startswith("-L"))

    @property
    def libraries(self) -> tuple[str, ...]:
        return tuple(word[2:] for word in self.link if word.startswith("-l"))


def parse(given: Sequence[str]) -> Flags:
    """Sort and check the words. UsageError names the first that is not allowed and what is."""
    if len(given) > MAX_FLAGS or any(len(word) > MAX_FLAG_LENGTH for word in given):
        raise UsageError(
            f"more than {MAX_FLAGS} flags, or one of more than {MAX_FLAG_LENGTH} characters"
        )
    compile_words: list[str] = []
    link: list[str] = []
    level, debug, stack = "-O1", None, Flags().stack
    rest = iter(given)
    for word in rest:
        if any(ord(character) < 32 for character in word):
            raise UsageError(f"the flag {word!r} holds a control character")
        name = next((flag for flag in _by_length if word.startswith(flag)), "")
        if _LEVEL.fullmatch(word):
            level = "-O1" if word == "-O" else word
        elif _DEBUG.fullmatch(word):
            debug = word not in ("-g0", "-ggdb0")
            compile_words.append(word)
        elif found := _STACK.fullmatch(word):
            stack = _stack_size(int(found[1] or found[2]))
        elif (
            _STANDARD.fullmatch(word)
            or _WARNING.fullmatch(word)
            or _MACHINE.fullmatch(word)
            or _FEATURES.fullmatch(word)
        ):
            compile_words.append(word)
        elif word.startswith(("-fsanitize=", "-fno-sanitize=")):
            compile_words += _sanitizers(word)
        elif name and not word.startswith("-include-"):
            value = word[len(name) :] or next(rest, "")
            if not value or "\0" in value:
                raise UsageError(f"the flag {name} needs a value", hint=f"for example: {name}NAME")
            (link if name in ("-l", "-L") else compile_words).append(_joined(name, value))
        else:
            raise _refused(word)
    if debug is None:
        debug = level in ("-O0", "-O1", "-Og")
        if debug:
            compile_words.insert(0, "-g")
    return Flags(tuple(compile_words), tuple(link), level, debug, stack)


_by_length = sorted(_WITH_VALUE, key=len, reverse=True)


def _joined(name: str, value: str) -> str:
    """One word for a flag and its value, as clang takes it."""
    if name == "-l" and not re.fullmatch(r"[A-Za-z0-9_.+-]+", value):
        raise UsageError(f"-l{value}: the name of a library has no such characters")
    return f"{name}{value}"


def _sanitizers(word: str) -> list[str]:
    checks = word.split("=", 1)[1].split(",")
    for check in checks:
        if check not in _CHECKS:
            raise UsageError(
                f"{word}: there is no check {check!r}", hint="known: " + " ".join(sorted(_CHECKS))
            )
    # There is no run-time library for reports: a failed check is a trap.
    return [word, "-fsanitize-trap=all"]


def _stack_size(size: int) -> int:
    if not 4096 <= size <= 1 << 28:
        raise UsageError("the stack is from 4096 bytes to 256 MiB")
    return (size + 15) // 16 * 16


def _refused(word: str) -> UsageError:
    why = next((text for pattern, text in _WHY if pattern.fullmatch(word)), "")
    return UsageError(
        f"the flag {word!r} is not allowed: {why}" if why else f"unknown flag {word!r}",
        hint=f"clang's flags that a C cell takes: {KNOWN}",
    )
