"""URLs of MySQL and MariaDB databases."""

from __future__ import annotations

import ssl

import pytest

from parley.database.mysql.address import parse_address
from parley.domain.errors import ConfigurationError
from parley.storage import open_storage, plan_storage
from parley.storage.port import Opening
from tests.unit.workers.doubles import StillClock

SECRET = "se/cr:et@"  # noqa: S105 - of nobody
CODED = "se%2Fcr%3Aet%40"


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_every_part_of_a_url_is_read(scheme: str) -> None:
    """Percent-decoded, under both names."""
    address = parse_address(
        f"{scheme}://us%40er:{CODED}@[::1]:3307/par%20ley?read-timeout=2.5&unix_socket=/run/my.sock"
    )

    assert address[:6] == ("::1", 3307, "us@er", SECRET, "par ley", "/run/my.sock")
    assert address.tls is None
    assert (address.connect_timeout_s, address.read_timeout_s, address.write_timeout_s) == (5, 2.5, 30)


def test_what_a_url_leaves_out_has_a_default() -> None:
    """The server's own port, this machine, no password."""
    assert parse_address("mysql://parley@/parley")[:6] == ("localhost", 3306, "parley", "", "parley", None)


def test_a_connection_is_encrypted_and_checked_when_asked() -> None:
    """Against the system's authorities; encryption alone must be asked for by its name."""
    checked = parse_address("mysql://u@h/d?ssl=on").tls
    unchecked = parse_address("mysql://u@h/d?ssl=unchecked").tls

    assert checked is not None
    assert checked.verify_mode is ssl.CERT_REQUIRED
    assert checked.check_hostname
    assert unchecked is not None
    assert unchecked.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://host/database", "not of the form mysql://user:password@host:port/database"),
        (f"mysql://user:{CODED}@host", "not of the form"),
        (f"mysql://user:{CODED}@host/a/b", "not of the form"),
        (f"mysql://user:{CODED}@[::1/d", "a host that is none"),
        (f"mysql://user:{CODED}@ho\u2100st/d", "a host that is none"),
        (f"mysql://user:{SECRET}/@host/d", "write / . # in a password as %2F"),
        (f"mysql://user:{CODED}@host:port/d", "a port that is none"),
        (f"mysql://user:{CODED}@host/d?timeout=5", "unknown option 'timeout'; known are ssl, ssl-ca"),
        (f"mysql://user:{CODED}@host/d?read-timeout=0", "read-timeout must be a number of seconds above 0"),
        (f"mysql://user:{CODED}@host/d?connect-timeout=soon", "connect-timeout must be a number of seconds"),
        (f"mysql://user:{CODED}@host/d?ssl=maybe", "ssl must be on, off or unchecked"),
        (f"mysql://user:{CODED}@host/d?ssl-ca=/nowhere.pem", "ssl-ca=/nowhere.pem cannot be used"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, complaint: str) -> None:
    """One sentence says what is wrong with it, before anything is connected to."""
    opening = Opening(StillClock(), str, 4, 60, 1, 1, 1)

    with pytest.raises(ConfigurationError, match=complaint) as refused:
        open_storage(url, opening)
    with pytest.raises(ConfigurationError, match=complaint):
        plan_storage(url)
    assert CODED not in refused.value.detail
    assert SECRET not in refused.value.detail


def test_an_address_is_printed_without_its_password() -> None:
    """Nor its user: what is printed ends up in logs."""
    assert repr(parse_address(f"mysql://user:{CODED}@host/parley")) == "parley at host:3306"
    assert repr(parse_address("mysql://user@/parley?unix_socket=/run/s")) == "parley at /run/s"
