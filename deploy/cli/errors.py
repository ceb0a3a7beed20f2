"""The one kind of failure an operator should read: a sentence, and exit status 1."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console

from deploy.local.errors import LocalStackError

P = ParamSpec("P")
R = TypeVar("R")


class CliError(Exception):
    """What is wrong and what to do about it."""


def friendly_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Shows expected failures without a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (CliError, LocalStackError) as problem:
            Console(stderr=True, highlight=False, markup=False).print(str(problem), style="red")
            raise typer.Exit(1) from None

    return run
