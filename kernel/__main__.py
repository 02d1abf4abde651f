"""``python -m hypercell.kernel``: what Jupyter starts."""

from hypercell.kernel.launcher import main

if __name__ == "__main__":
    main()
