"""The one exception that means: the user can mend this."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input: one line that names the file or key, what is wrong and the remedy.

    The command line prints the message alone (no traceback) and exits with status 2.
    """


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'budgets'?`, to end a line on an unknown name with; nothing where no known one is like it."""
    folded = {text.casefold(): text for text in known}
    alike = get_close_matches(str(name).casefold(), folded, n=1)
    return f"; did you mean {folded[alike[0]]!r}?" if alike else ""
