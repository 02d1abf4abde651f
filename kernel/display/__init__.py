"""What a cell shows besides text: hostile, until it has passed ``bundle.Shower``."""
