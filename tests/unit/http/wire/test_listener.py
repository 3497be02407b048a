"""Taking ports."""

from __future__ import annotations

import pytest

from parley.domain.errors import ConfigurationError
from parley.http.wire.listener import bind


def test_port_in_use_is_refused_with_one_sentence() -> None:
    """Two processes cannot take the same port, even before one of them serves it."""
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]

        with pytest.raises(ConfigurationError) as refused:
            bind("127.0.0.1", port)

    assert refused.value.detail == f"Cannot listen on 127.0.0.1:{port}: Address already in use"


def test_foreign_address_is_refused_with_one_sentence() -> None:
    """An address that is not this machine's is named."""
    with pytest.raises(ConfigurationError, match=r"Cannot listen on 192\.0\.2\.1:0: "):
        bind("192.0.2.1", 0)


def test_port_is_shared_when_asked_to() -> None:
    """Several processes may serve one port."""
    with bind("127.0.0.1", 0, reuse_port=True) as first:
        port = first.getsockname()[1]

        with bind("127.0.0.1", port, reuse_port=True) as second:
            assert second.getsockname()[1] == port
