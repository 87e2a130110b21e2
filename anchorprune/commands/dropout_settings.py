"""Anchor dropout on the command line: JSON, as the configuration has it."""

import json
from typing import Any

import click

from anchorprune.errors import UserError


class DropoutSettings(click.ParamType):
    """The settings of `anchor_dropout` as a JSON object; `{}` has every default."""

    name = "JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The `AnchorDropout`."""
        from anchorprune.detectors.anchor_dropout import AnchorDropout

        try:
            settings = json.loads(value)
            if not isinstance(settings, dict):
                raise ValueError
            return AnchorDropout.of(settings)
        except ValueError:
            self.fail(f'{value!r} is no JSON object such as {{}} or {{"keep": [0.1, 0.9]}}', param, ctx)
        except UserError as error:
            self.fail(str(error), param, ctx)
