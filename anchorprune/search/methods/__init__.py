"""Search methods: one file each, over one `Problem`; `METHODS` is their registration.

A method NAME is `NAME.py` here, with a `Method` called METHOD. These files import nothing that takes long, as the
command line reads them for its help.
"""

from importlib import import_module

from anchorprune.errors import UserError
from anchorprune.search.method import Method

# In the order in which they are offered.
METHODS = ("greedy", "pareto", "layerwise", "shared", "beam", "exhaustive", "random", "best", "anneal")


def load(name: str) -> Method:
    """A method by its name.

    Raises:
        UserError: there is no such method.
    """
    if name not in METHODS:
        raise UserError(f"--method {name}: no such method; it is one of {', '.join(METHODS)}")
    return import_module(f"{__name__}.{name}").METHOD


def heeding(option: str) -> str:
    """The methods that heed an option, as one says it: `random and best`."""
    *others, last = (name for name in METHODS if option in load(name).options)
    return f"{', '.join(others)} and {last}" if others else last
