"""A log's URL: every form, and a sentence for whatever cannot be understood."""

from __future__ import annotations

import pytest

from parley.domain.errors import ConfigurationError
from parley.log import ADAPTERS
from parley.log.redis.urls import Host, Kind, parse_url

HERE = Host("127.0.0.1", 7000)
FORMS = {
    "redis://h": (Kind.SINGLE, (Host("h", 6379),), {"db": 0}),
    "valkey://127.0.0.1:7000/3": (Kind.SINGLE, (HERE,), {"db": 3}),
    "redis://:p%40ss@[::1]:7000": (Kind.SINGLE, (Host("::1", 7000),), {"db": 0, "password": "p@ss"}),
    "rediss://u%3A:p@127.0.0.1:7000/": (Kind.SINGLE, (HERE,), {"db": 0, "username": "u:", "password": "p"}),
    "unix:///run/my%20redis.sock?db=2": (Kind.SINGLE, (Host("/run/my redis.sock", 0),), {"db": 2}),
    "unix://u:p@/run/redis.sock": (
        Kind.SINGLE,
        (Host("/run/redis.sock", 0),),
        {"db": 0, "username": "u", "password": "p"},
    ),
    "redis+cluster://127.0.0.1:7000,b": (Kind.CLUSTER, (HERE, Host("b", 6379)), {"db": 0}),
    "redis+sentinel://:p@a,127.0.0.1:7000/main/1": (
        Kind.SENTINEL,
        (Host("a", 26379), HERE),
        {"db": 1, "password": "p"},
    ),
}


@pytest.mark.parametrize("url", FORMS)
def test_every_form_says_which_servers_and_how(url: str) -> None:
    """Hosts, user, password and database, each where its form has it."""
    target = parse_url(url)

    assert (target.kind, target.hosts, target.credentials) == FORMS[url]
    assert target.prefix == "parley"


def test_only_what_is_spoken_over_tls_has_certificates() -> None:
    """A certificate's path is for those forms alone; without one the machine's authorities are asked."""
    assert parse_url("redis://h").tls is None
    assert parse_url("rediss://h").tls == {}
    assert parse_url("valkeys://h?ssl_ca_certs=/a.pem&prefix=x").tls == {"ssl_ca_certs": "/a.pem"}
    with pytest.raises(ConfigurationError, match="ssl_ca_certs"):
        parse_url("redis://h?ssl_ca_certs=/a.pem")


def test_sentinels_have_a_service_and_credentials_of_their_own() -> None:
    """The user before the hosts is the server's."""
    target = parse_url("redis+sentinel://u:p@a/my%20main?sentinel_username=s&sentinel_password=t&prefix=q")

    assert (target.service, target.prefix) == ("my main", "q")
    assert target.sentinel_credentials == {"username": "s", "password": "t"}
    assert target.credentials == {"db": 0, "username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://", "one host"),
        ("redis://a,b", "one host"),
        ("redis://h/x", "'x' is not the number of a database"),
        ("redis://h:port", "Port"),
        ("redis://h:99999", "Port"),
        ("redis://h?socket_timeout=1", "'socket_timeout' is not one of"),
        ("redis://h?prefix=", "prefix"),
        ("redis://h?prefix=a}b", "prefix"),
        ("redis://h?prefix", "bad query"),
        ("unix://", "path of a socket"),
        ("unix:///a?db=-1", "'-1' is not the number"),
        ("redis+sentinel://a", "service"),
        ("redis+sentinel:///main", "hosts"),
        ("redis+cluster://a/1", "database 0"),
        ("redis+cluster://a,:1", "':1' is not a host"),
    ],
)
def test_a_url_that_cannot_be_understood_is_refused_with_a_sentence(url: str, complaint: str) -> None:
    """It names the setting and the part."""
    with pytest.raises(ConfigurationError, match="PARLEY_LOG_URL cannot be read") as error:
        parse_url(url)

    assert complaint in error.value.detail


@pytest.mark.parametrize(
    "url", ["redis://u:hunter2@ho\u2100st", "redis://:hunter2/x@host", "redis://:hunter2?@h", "redis://u:hunter2@["]
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    """Neither the library's words nor ours repeat it, nor a part of it."""
    with pytest.raises(ConfigurationError) as refused:
        parse_url(url)

    assert "hunter2" not in refused.value.detail
    assert refused.value.__cause__ is None


def test_every_scheme_that_is_offered_can_be_read() -> None:
    """The table of adapters and the reader of URLs know the same schemes."""
    places = {"unix": "/redis.sock", "redis+sentinel": "h/main"}

    for scheme in ADAPTERS.keys() - {"sqlite"}:
        assert parse_url(f"{scheme}://{places.get(scheme, 'h')}").hosts
