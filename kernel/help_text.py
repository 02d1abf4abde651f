"""What ``%help`` and inspection say."""

from __future__ import annotations

from collections.abc import Mapping

from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.base import Language
from hypercell.kernel.option_parser import COMMON, PER_LANGUAGE
from hypercell.kernel.suggest import did_you_mean
from hypercell.kernel.tables import table

FILE_USAGE = "%%file [-a] NAME"
FILE_HELP = "write the rest of the cell into /home/NAME; -a appends"


def overview(languages: Mapping[str, Language], default: str) -> str:
    """All of it on one screen."""
    from hypercell.kernel.magics import MAGICS

    title = languages[default].title if default in languages else default
    cells = [(f"%%{name} [OPTION…]", language.help) for name, language in languages.items()]
    lines = [(magic.usage, magic.help) for magic in MAGICS.values()]
    options = [(f"{name} {metavar}".strip(), text) for name, (metavar, text) in COMMON.items()]
    return (
        f"Every cell runs in its own micro-VM. A cell without a magic is {title}. "
        "Cells share /home.\n\n"
        f"First line of a cell:\n{_indented([*cells, (FILE_USAGE, FILE_HELP)])}\n\n"
        f"Options behind %%language:\n{_indented(options)}\n\n"
        f"Lines at the top of a cell:\n{_indented(lines)}\n\n"
        "%help python lists the magics within Python cells."
    )


def topic(word: str, languages: Mapping[str, Language]) -> str:
    """Help on one thing: ``c``, ``%%c``, ``%files``, ``--mem``, ``-O2``. UsageError if unknown."""
    from hypercell.kernel.magics import MAGICS

    name = word.lstrip("%")
    if name in languages:
        return language_help(languages[name])
    if name in MAGICS:
        return f"{MAGICS[name].usage}\n{MAGICS[name].help}"
    for language in languages.values():
        found = [
            own[name]
            for own in (getattr(language, "line_magics", {}), getattr(language, "cell_magics", {}))
            if name in own and word in (name, own[name].split()[0].rstrip(":"))
        ]
        if found:
            return "\n".join(found)
    if name in ("file", "writefile"):
        return f"{FILE_USAGE}\n{FILE_HELP}"
    option = word if word.startswith("-") else f"--{word}"
    if option in COMMON:
        metavar, text = COMMON[option]
        return f"{option} {metavar}".strip() + f"\n{text}"
    for language in languages.values():
        for row in language.options:
            if row.name == word:
                return f"%%{language.name} {row.name} {row.metavar}".strip() + f"\n{row.help}"
    known = [*languages, *MAGICS, "file", *COMMON]
    raise UsageError(f"there is no help on {word!r}", hint=did_you_mean(word, known))


def language_help(language: Language) -> str:
    """A language with the options it takes."""
    common = [
        (f"{name} {metavar}".strip(), text)
        for name, (metavar, text) in COMMON.items()
        if name not in PER_LANGUAGE or name in language.common
    ]
    own = [(f"{row.name} {row.metavar}".strip(), row.help) for row in language.options]
    text = f"%%{language.name} [OPTION…]: {language.title}\n{language.help}\n\n" + _indented(
        [*own, *common]
    )
    magics = [
        *getattr(language, "line_magics", {}).values(),
        *getattr(language, "cell_magics", {}).values(),
    ]
    if magics:
        rows = [(usage, what) for usage, _, what in (line.partition(": ") for line in magics)]
        text += f"\n\nIn the text of a cell:\n{_indented(rows)}"
    return text


def _indented(rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"  {line}" for line in table(rows).splitlines())
