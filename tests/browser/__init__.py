"""Attacks on the reader's browser. A package, so that its fixtures end with it."""
