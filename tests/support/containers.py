"""What deploy/compose.yaml runs: each service's command, environment and probe, as a container gets them.

roles = containers(SECRETS)
roles["write"].command      # ["parley", "write", "--processes", "2"]
roles["write"].environment  # {"PARLEY_DATABASE_URL": "mysql://…@mariadb:3306/parley", …}
roles["write"].probe        # ["python", "-c", "…"]

Whoever starts these on one machine replaces the URLs and the addresses, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import yaml  # type: ignore[import-untyped]

from parley.cli import build_app
from tests.support.dockerfile import ROOT, image_stages, last, settings_of

COMPOSE = ROOT / "deploy" / "compose.yaml"
SECRETS = {
    "PARLEY_ADMIN_TOKEN": "5f0c0d5d3f7b4b6f9a1e",
    "MARIADB_PASSWORD": "7d1c29be44a0",
    "MARIADB_ROOT_PASSWORD": "0b9e61d7f3c8",
}
"""Throw-away values of all that the file asks for."""

_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<rule>:?[-?])(?P<rest>[^${}]*))?\}|(?P<stray>.?))")


class MissingVariableError(LookupError):
    """The file asks for a variable that is not set; the text is what it says to whoever forgot it."""


class Container(NamedTuple):
    """One service, as it is started."""

    image: str
    command: list[str]
    """With the entry point in front where the image is ours; an engine's own is not known here."""
    environment: dict[str, str]
    """With the settings that our image brings along."""
    probe: list[str] | None
    """The health check's words, ``None`` for a service that ends by itself."""
    is_ours: bool


def document() -> dict[str, Any]:
    """Read the file as it is, variables unresolved."""
    return cast("dict[str, Any]", yaml.safe_load(COMPOSE.read_text("utf-8")))


def resolved(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read the file as Compose does with these ``variables``.

    Raises:
        MissingVariableError: one that has no default is not among them.
    """
    return cast("dict[str, Any]", _resolve(document(), variables))


def containers(variables: Mapping[str, str]) -> dict[str, Container]:
    """Give every service by its name.

    Raises:
        MissingVariableError: one that has no default is not among the ``variables``.
    """
    return {name: _container(service) for name, service in resolved(variables)["services"].items()}


def seconds(text: str) -> int:
    """Read ``35s`` or ``2m``."""
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def parse_command(words: Sequence[str]) -> None:
    """Let the real command line read a command, without running it.

    Raises:
        CycloptsError: it does not know it like this.
    """
    assert words[0] == "parley"
    build_app(words[1]).parse_args(list(words[1:]), exit_on_error=False, print_error=False)


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Put variables into a text: ``${A}``, ``${A:-default}``, ``${A:?complaint}``, and ``$$`` for a dollar.

    Raises:
        MissingVariableError: one that must be set is not.
        ValueError: a dollar that means nothing here.
    """

    def value(found: re.Match[str]) -> str:
        if found["stray"] is not None:
            raise ValueError(f"{found[0]!r} in {text!r}: write $$ for a dollar")
        if found["name"] is None:
            return "$"
        given, rule = variables.get(found["name"]), found["rule"] or ""
        if given or (given is not None and ":" not in rule):
            return given
        if rule.endswith("?"):
            raise MissingVariableError(f"{found['name']}: {found['rest']}")
        return found["rest"] or ""

    return _VARIABLE.sub(value, text)


def _resolve(node: Any, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever YAML has
    if isinstance(node, dict):
        return {key: _resolve(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolve(value, variables) for value in node]
    return interpolate(node, variables) if isinstance(node, str) else node


def _container(service: Mapping[str, Any]) -> Container:
    is_ours = "build" in service
    entry_point, settings = _image() if is_ours else ([], {})
    check = service.get("healthcheck")
    return Container(
        image=service["image"],
        command=[*entry_point, *service.get("command", [])],
        environment={**settings, **service.get("environment", {})},
        probe=None if check is None else check["test"][1:],
        is_ours=is_ours,
    )


def _image() -> tuple[list[str], dict[str, str]]:
    """Give the entry point and the settings of our image."""
    image = image_stages()[-1]
    settings = {name: value for name, value in settings_of(image).items() if name.startswith("PARLEY_")}
    return last(image, "ENTRYPOINT").exec_form(), settings
