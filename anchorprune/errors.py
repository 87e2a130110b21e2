"""The one exception that means: the user can mend this."""


class UserError(Exception):
    """Bad input: one line that names the file or key, what is wrong and the remedy.

    The command line prints the message alone (no traceback) and exits with status 2.
    """
