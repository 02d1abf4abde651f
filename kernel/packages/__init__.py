"""``%pip install``: pure-Python packages for Python cells, where the owner grants them.

::

    requirement   what a cell may ask for, and whether the owner grants it
    resolve       pip, in a process of its own, downloads wheels; it runs none of their code
    wheel         a wheel, taken apart: hostile
    installed     the packages of a session, and the layers that show them to its VMs
"""
