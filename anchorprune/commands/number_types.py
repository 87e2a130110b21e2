"""Numbers on the command line that keep the form they were typed in: shares of AP, fractions of a cost."""

from typing import Any

import click


class ShareOrValue(click.ParamType):
    """An AP such as 0.2, or a share of the full head's AP such as 78%."""

    name = "AP"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, bool]:
        """Number, and whether it is a share."""
        if isinstance(value, tuple):
            return value
        try:
            share = value.endswith("%")
            number = float(value.removesuffix("%")) / (100 if share else 1)
        except ValueError:
            number = -1.0
        if not 0 <= number <= 1:
            self.fail(f"{value!r} is neither an AP in 0..1 such as 0.2 nor a share such as 78%", param, ctx)
        return number, share


class Fraction(click.ParamType):
    """A fraction, kept as it was typed: it names the layout's file."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text, if it is a number over 0 and at most 1."""
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number <= 1:
            self.fail(f"{value!r} is not a fraction of the full cost, over 0 and at most 1, such as 0.7", param, ctx)
        return str(value)
