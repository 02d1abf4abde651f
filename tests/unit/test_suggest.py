"""Names that could have been meant."""

import difflib

import pytest

from hypercell.kernel.suggest import did_you_mean


def test_the_nearest_comes_first_then_all() -> None:
    assert did_you_mean("adn", ["sub", "and"]) == "did you mean and? known: and, sub"
    assert did_you_mean("xyz", ["sub", "and"], what="functions") == "functions: and, sub"


def test_few_short_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all that a hostile module may export."""
    compared: list[int] = []
    real = difflib.get_close_matches

    def counted(word: str, names: list[str], **options: float) -> list[str]:
        compared.append(max(map(len, [word, *names])) * len(names))
        return real(word, names, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    names = [f"{n:06}{'ab' * (n % 90)}" for n in range(100_000)]
    hint = did_you_mean("ab" * 500, names)
    assert hint.endswith("… and 99800 more")
    assert len(hint) < 50_000
    assert compared[0] <= 200 * 60
