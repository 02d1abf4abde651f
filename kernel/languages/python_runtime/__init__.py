"""The Python that runs inside a Python cell's VM, and nowhere else.

``app.py`` is what ``componentize-py`` makes a component of, together with CPython 3.14 and its
whole standard library; ``world.wit`` is what that component exports and imports. The files here
are trusted only until the first cell: afterwards they share an interpreter with the user's code,
and the host believes nothing that they say (``kernel/languages/python_reply.py``).
"""
