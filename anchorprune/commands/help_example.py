"""The examples that `--help` ends with: commands to paste in the project's folder once the demo has run."""

import re

PLACES = {
    "data": "results/data/scenes",
    "base": "results/scenes/ssd-demo/baseline/seed-0",
    "search": "results/scenes/ssd-demo/baseline/seed-0/pareto/search",
    "pruned": "results/scenes/ssd-demo/baseline/seed-0/pareto/0.4",
    "tried": "results/tried",
}
WIDTH = 78  # click indents by two


def example(*commands: str) -> str:
    """A command's epilog: lines for a shell, broken as a shell takes them.

    Args:
        *commands: one or more, to be run in turn; `{data}` and the like stand for the places above.
    """
    lines = [line for command in commands for line in _broken(command.format(**PLACES))]
    return "\b\n" + "\n".join(["Example:", *lines])


def _broken(command: str) -> list[str]:
    """A command's lines; an option stays with its values where a line can hold them."""
    first, *options = re.split(r" (?=--)", command)
    lines = [""]
    for part in [*first.split(), *options]:
        if lines[-1] and len(lines[-1]) + len(part) + 3 > WIDTH:
            lines.append("   ")
        lines[-1] += f" {part}" if lines[-1] else part
    return [f"{line} \\" for line in lines[:-1]] + [lines[-1]]
