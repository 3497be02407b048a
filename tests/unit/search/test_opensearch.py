"""What a search engine's URL and banner say, and how documents are parcelled."""

from __future__ import annotations

import ssl

import pytest

from parley.domain.documents import WHOLE_CHAT, Document
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.search import open_search
from parley.search.opensearch import bulk
from parley.search.opensearch.address import parse_address
from parley.search.opensearch.banner import Engine, read_banner
from parley.search.opensearch.bulk import Line, chunks
from parley.search.opensearch.documents import sort
from parley.search.opensearch.layout import Names


def test_an_address_has_defaults() -> None:
    """A host is enough."""
    address = parse_address("http://search.example.org")

    assert address.hosts == (("search.example.org", 9200),)
    assert (address.prefix, address.user, address.trust) == ("parley", None, None)
    assert (address.shards, address.replicas, address.refreshes) == (1, None, False)


def test_an_address_says_everything() -> None:
    """User and password in escapes, several hosts, a prefix, and what a new index is made like."""
    address = parse_address("http://us%40er:p%3Aa%2Fss@a:1,[::1]:2,c/chat-2?shards=3&replicas=0&refresh=now")

    assert address.hosts == (("a", 1), ("::1", 2), ("c", 9200))
    assert (address.prefix, address.user) == ("chat-2", ("us@er", "p:a/ss"))
    assert (address.shards, address.replicas, address.refreshes) == (3, 0, True)


def test_an_address_with_tls_verifies_the_certificate() -> None:
    """There is no option that would turn it off."""
    address = parse_address("https://search.example.org/chat")

    assert address.hosts == (("search.example.org", 443),)
    assert address.trust is not None
    assert (address.trust.verify_mode, address.trust.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        ("", "no host"), (":9200", "no host"), ("a,,b", "no host"), ("a:99999", "port"), ("a:x", "port"),
        ("a/UPPER", "prefix"), ("a/_x", "prefix"), ("a/b/c", "prefix"), ("a/" + "x" * 101, "prefix"),
        ("a?shard=2", "shard"), ("a?shards=0", "shards"), ("a?shards=", "shards"), ("a?replicas=-1", "replicas"),
        ("a?refresh=yes", "refresh"), ("a/b#c", "%23"), ("[::1", "a host that is none"),
    ],
)  # fmt: skip
def test_an_operator_with_a_wrong_url_is_told_the_part_and_no_secret(rest: str, sentence: str) -> None:
    """The sentence names the setting, what is wrong and the form; the password is not in it."""
    with pytest.raises(ConfigurationError, match="PARLEY_SEARCH_URL") as refused:
        open_search(f"http://user:s3cret@{rest}")

    assert sentence in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_an_operator_with_an_unreadable_authority_is_told() -> None:
    """The file is named."""
    with pytest.raises(ConfigurationError, match=r"/absent/ca\.pem"):
        open_search("https://a?ca=/absent/ca.pem")


@pytest.mark.parametrize(
    ("version", "engine"),
    [
        ({"distribution": "opensearch", "number": "1.0.0"}, Engine("OpenSearch", "1.0.0")),
        ({"distribution": "opensearch", "number": "3.8.0-SNAPSHOT"}, Engine("OpenSearch", "3.8.0-SNAPSHOT")),
        ({"distribution": "opensearch", "number": "7.10.2"}, Engine("OpenSearch", "7.10.2")),
        ({"number": "7.10.2", "build_flavor": "oss"}, Engine("Elasticsearch", "7.10.2")),
        ({"number": "7.17.28"}, Engine("Elasticsearch", "7.17.28")),
    ],
)
def test_a_supported_engine_is_told_by_its_banner(version: dict[str, str], engine: Engine) -> None:
    """Elasticsearch names no distribution; OpenSearch may be set to give an older number."""
    assert read_banner({"version": version}) == engine


@pytest.mark.parametrize(
    "banner",
    [
        {"version": {"number": "7.9.3"}}, {"version": {"number": "8.15.0"}}, {"version": {"number": ""}},
        {"version": {"distribution": "opensearch", "number": "4.0.0"}},
        {"version": {"distribution": "opensearch", "number": "7.10.3"}}, {"version": {}}, {"version": "1"}, {},
    ],
)  # fmt: skip
def test_an_operator_with_another_engine_is_told_which_are_supported(banner: dict[str, object]) -> None:
    """Nothing is tried that was not seen to work."""
    with pytest.raises(ConfigurationError, match=r"OpenSearch 1\.x to 3\.x and Elasticsearch 7\.10 to 7\.17"):
        read_banner(banner)


def test_documents_are_sent_in_parcels_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """By count and by bytes; one that is larger goes alone, and the order stays."""
    monkeypatch.setattr(bulk, "MOST_LINES", 3)
    monkeypatch.setattr(bulk, "MOST_BYTES", 10)
    lines = [Line(str(place), b"x" * size) for place, size in enumerate([1, 1, 1, 1, 9, 1, 99, 4, 4, 4])]

    sizes = [[len(line.json) for line in chunk] for chunk in chunks(lines)]

    assert sizes == [[1, 1, 1], [1, 9], [1], [99], [4, 4], [4]]


@pytest.mark.parametrize("items", [None, "soon", [{"index": {}}], [{"index": {"status": "late"}}], [[201]]])
def test_an_answer_of_another_form_says_nothing_of_the_documents(items: object) -> None:
    """A `ValueError` would: the document would be left out of search for ever."""
    with pytest.raises(UnavailableError, match="cannot be read"):
        bulk._outcomes({"items": items})


def test_a_call_is_sorted_into_the_latest_states() -> None:
    """Twice the same message is its newer state, whatever the order; a gone chat's messages are not sent."""
    documents = [
        Document(7, 1, "new", 3, 9), Document(7, 1, "old", 3, 8), Document(7, 2, "old", 3, 8),
        Document(7, 2, None, 3, 9), Document(8, 1, "of a gone chat", 3, 8), Document(8, WHOLE_CHAT, None, 3, 9),
    ]  # fmt: skip

    chats, lines = sort(documents)

    assert (chats, [line.id for line in lines]) == ([8], ["7-1", "7-2"])
    assert b'"body":"new"' in lines[0].json
    assert b'"gone":true' in lines[1].json


def test_only_names_of_ours_are_read_as_generations() -> None:
    """What another prefix or product has beside is not touched."""
    names = Names("chat")

    assert names.parse(names.index(3)) == (1, 3)
    assert names.parse("chat-messages-v2-10") == (2, 10)
    others = ["chat-messages-v1", names.door(3), "chat-messages-vx-1", "a-chat-messages-v1-3", "chat-messages-v1-3-old"]
    assert [names.parse(name) for name in others] == [None] * 5
