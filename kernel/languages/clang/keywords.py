"""The words of C that completion offers."""

from hypercell.kernel.languages.clang.lexer import words

KEYWORDS = tuple(
    sorted(
        words("""
    alignas alignof auto bool break case char const constexpr continue default do double else enum
    extern false float for goto if inline int long nullptr register restrict return short signed
    sizeof static static_assert struct switch thread_local true typedef typeof unsigned void
    volatile while _Atomic _Bool _Complex _Generic _Noreturn _Static_assert
    #include #define #undef #if #ifdef #ifndef #elif #else #endif #error #pragma #embed
""")
    )
)
