"""Opens adapters by URL: the only place that imports a module by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from parley.domain.errors import ConfigurationError


def load_opener(url: str, adapters: Mapping[str, str], setting: str) -> Any:  # noqa: ANN401 - each room casts to its port
    """Find the function that opens ``url``: ``adapters`` maps schemes to ``module:function``.

    Raises:
        ConfigurationError: the scheme is unknown here, or its driver is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme not in adapters:
        known = ", ".join(f"{name}:" for name in sorted(adapters))
        raise ConfigurationError(f"{setting} starts with {scheme!r}, which is none of {known}")
    module, _, function = adapters[scheme].partition(":")
    try:
        return getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{setting} needs {error.name}; install parley[server]") from error
