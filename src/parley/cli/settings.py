"""Flags out of `Settings`: a command names the settings it uses, and repeats neither defaults nor sentences.

    @takes_settings("data_dir", "api_bind")
    def serve(settings: Settings, *, verbose: bool = False) -> int:
        \"\"\"Run the services.

        Example: parley serve --data-dir ./data
        \"\"\"

The command line sees ``--data-dir`` and ``--api-bind`` beside the command's own parameters; the
command is called with the loaded `Settings`, every setting in it, or not at all if one is wrong.
`EVERY` names them all. `takes_flags` hands over the given flags instead, for commands that look at
the configuration itself. Variables that are no setting are reported on stderr.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from parley.config import (
    FILE_SUFFIX,
    Settings,
    default_text,
    flag_of,
    load_settings,
    secret_names,
    sentence_of,
    unknown_variables,
    variable_of,
)

EVERY: Final = tuple(Settings.model_fields)
"""The names of all settings."""

FILES: Final = ("data_dir", "database_url", "search_url")
"""The settings that say where the embedded files lie."""

_GROUP: Final = Group("Settings", sort_key=1)

Flags = Mapping[str, object]
"""What was given on the command line, by setting name."""


def takes_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the flags of these settings, and call it with the loaded `Settings` first."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def run(flags: Flags, /, *arguments: object, **own: object) -> object:
            report_unknown_variables()
            return command(load_settings(flags), *arguments, **own)

        return _with_flags(names, command, run)

    return decorate


def takes_flags(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the flags of these settings, and call it with those that were given first."""
    return lambda command: _with_flags(names, command, command)


def report_unknown_variables() -> None:
    """Say on stderr which ``PARLEY_*`` variables are no setting."""
    for sentence in unknown_variables():
        sys.stderr.write(f"parley: warning: {sentence}\n")


def _with_flags(names: tuple[str, ...], command: Callable[..., Any], run: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that the command line sees: ``command``'s own parameters, then the flags."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    flags = [parameter for name in names for parameter in _flags(name)]

    def call(*arguments: object, **given: object) -> object:
        overrides = {flag.name: given.pop(flag.name) for flag in flags if flag.name in given}
        return run({name: value for name, value in overrides.items() if value is not None}, *arguments, **given)

    call.__name__ = command.__name__
    call.__qualname__ = command.__qualname__
    call.__module__ = command.__module__
    call.__doc__ = command.__doc__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    call.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]  # what inspect looks for
    return call


def _flags(name: str) -> list[inspect.Parameter]:
    default = default_text(name)
    usual = f" Default: {default}." if default else ""
    if name not in secret_names():
        return [_flag(name, f"{sentence_of(name)}{usual} [{variable_of(name)}]")]
    file = name + FILE_SUFFIX.lower()
    return [
        _flag(name, f"{sentence_of(name)} Other users of the machine see it here. [{variable_of(name)}]"),
        _flag(file, f"File that holds it. [{variable_of(name)}{FILE_SUFFIX}]"),
    ]


def _flag(name: str, help_: str) -> inspect.Parameter:
    """Take the text as it is: `load_settings` judges it, with one kind of sentence for every origin."""
    shown = Parameter(name=flag_of(name), help=help_, group=_GROUP, show_default=False, allow_leading_hyphen=True)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, shown]
    )
