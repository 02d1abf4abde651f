"""One file a language; ``base.py`` says what a language is, ``registry.py`` finds them."""
