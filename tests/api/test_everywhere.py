"""What holds on every route of both ports: request ids, CORS, hosts, sizes, the other port's name."""

from __future__ import annotations

import re

import pytest

from tests.support.answers import check_answer, check_problem
from tests.support.client import JSON_TYPE, Answer, Client, chunked
from tests.support.deployment import Deployment
from tests.support.tenant import ALIAS, APPLICATIONS, UNKNOWN_TOKEN, Tenant, expect

Services = dict[str, Client]
PORTS = ("api", "write")
MIB = 1024 * 1024
EXPOSED = {"x-request-id", "link", "location", "retry-after", "parley-durability", "server-timing"}
EITHER_PORT = pytest.mark.parametrize("port", PORTS)


def _names(value: str | None) -> set[str]:
    return {name.strip().lower() for name in (value or "").split(",") if name.strip()}


@EITHER_PORT
@pytest.mark.parametrize("request_id", ["a", "A-Z_0.9", "x" * 128, "9b2a3c0e-6f0e-4b76-8a2e-0d6d5a0a7c11"])
def test_a_good_request_id_is_taken(port: str, request_id: str, services: Services, chat: str) -> None:
    """It comes back on answers and in problems."""
    headers = [JSON_TYPE, ("X-Request-Id", request_id)]
    good = services[port].request("POST", f"{chat}/messages", b'{"body":"hi"}', headers)
    bad = services[port].request("POST", f"{chat}/messages", b"{", headers)

    assert good.header("X-Request-Id") == bad.header("X-Request-Id") == request_id
    assert check_problem(bad)["instance"] == f"urn:parley:request:{request_id}"


@EITHER_PORT
@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", "a/b", "é", '"a"', "a,b", "a{b}", "x" * 8_000])
def test_a_bad_request_id_is_replaced(port: str, request_id: str, services: Services, chat: str) -> None:
    """What does not match is never echoed."""
    answer = services[port].request("POST", f"{chat}/messages", b"{", [JSON_TYPE, ("X-Request-Id", request_id)])

    made = check_problem(answer)["request_id"]
    assert made != request_id


@EITHER_PORT
def test_each_answer_has_a_request_id_of_its_own(port: str, services: Services) -> None:
    """Two requests on one connection are two requests."""
    ids = {services[port].get("/health").header("X-Request-Id") for _ in range(5)}

    assert len(ids) == 5
    assert None not in ids


@EITHER_PORT
@pytest.mark.parametrize(
    "origin", ["http://localhost:5173", "http://127.0.0.1:8000", "http://localhost", "https://localhost:8443"]
)
def test_a_loopback_origin_may_read(port: str, origin: str, services: Services, chat: str) -> None:
    """The origin is named, never `*`, and the headers a page needs are exposed, on errors too."""
    good = services[port].json("POST", f"{chat}/messages", {"body": "hi"}, {"Origin": origin})
    bad = services[port].json("POST", f"{chat}/messages", {"body": ""}, {"Origin": origin})

    for answer in (good, bad):
        assert answer.header("Access-Control-Allow-Origin") == origin
        assert _names(answer.header("Access-Control-Expose-Headers")) >= EXPOSED
        assert "origin" in _names(",".join(answer.every("Vary")))
        assert answer.header("Access-Control-Allow-Credentials") is None


@EITHER_PORT
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "http://evil.example:3000", "http://notlocalhost:3000", "http://localhost:3000@evil.example", "file://",
        "http://127.0.0.2:80", "localhost:3000", "http://localhost:99999999", "http://localhost:3000/", "",
        "http://localhost:3000 http://evil.example", "ftp://localhost",
    ],
)  # fmt: skip
def test_a_foreign_origin_may_not_read(port: str, origin: str, services: Services, chat: str) -> None:
    """No CORS header for it, on answers and on preflights."""
    answer = services[port].json("POST", f"{chat}/messages", {"body": "hi"}, {"Origin": origin})
    preflight = services[port].request(
        "OPTIONS", f"{chat}/messages", None, {"Origin": origin, "Access-Control-Request-Method": "POST"}
    )

    for each in (answer, preflight):
        assert each.header("Access-Control-Allow-Origin") is None, each


@EITHER_PORT
@pytest.mark.parametrize("path", ["/chats", "/chats/1/messages", "/chats/1/messages/bulk"])
def test_a_preflight_is_answered(port: str, path: str, services: Services, application: Tenant) -> None:
    """204 with the methods and headers that the create routes take."""
    answer = services[port].request(
        "OPTIONS",
        application.path + path,
        None,
        {
            "Origin": "http://localhost:5173",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key,prefer,x-request-id",
        },
    )

    assert answer.status == 204
    check_answer(answer)
    assert answer.header("Access-Control-Allow-Origin") == "http://localhost:5173"
    assert "POST" in (answer.header("Access-Control-Allow-Methods") or "")
    allowed = _names(answer.header("Access-Control-Allow-Headers"))
    assert allowed >= {"content-type", "idempotency-key", "prefer", "x-request-id"}


def test_a_preflight_for_the_other_methods_is_answered(api: Client, chat: str) -> None:
    """PATCH, PUT and DELETE are for pages too, with If-None-Match."""
    for path, methods in ((chat, ("PATCH", "PUT", "DELETE")), (f"{chat}/messages/1", ("PATCH", "DELETE"))):
        for method in methods:
            asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "if-none-match"}
            answer = api.request("OPTIONS", path, None, {"Origin": "http://localhost:5173", **asked})

            assert answer.status == 204
            assert method in (answer.header("Access-Control-Allow-Methods") or "")
            assert "if-none-match" in _names(answer.header("Access-Control-Allow-Headers"))


@EITHER_PORT
def test_options_without_an_origin_shows_what_is_allowed(port: str, services: Services, chat: str) -> None:
    """204 or 405, with Allow either way."""
    answer = services[port].request("OPTIONS", f"{chat}/messages")

    assert answer.status in {204, 405}
    assert "POST" in (answer.header("Allow") or "")


@EITHER_PORT
def test_a_body_of_1_mib_is_read(port: str, services: Services, chat: str) -> None:
    """The limit itself is allowed; white space fills it here."""
    body = b'{"body":"hi"}'.ljust(MIB)

    declared = services[port].request("POST", f"{chat}/messages", body, [JSON_TYPE])
    pieces = chunked(body[: MIB // 2], body[MIB // 2 :])
    in_chunks = services[port].request(
        "POST", f"{chat}/messages", pieces, [JSON_TYPE, ("Transfer-Encoding", "chunked")]
    )

    assert (declared.status, in_chunks.status) == (201, 201)


@EITHER_PORT
def test_a_declared_body_above_1_mib_is_refused_unread(port: str, services: Services, chat: str) -> None:
    """The 413 comes although not one byte of the body was sent."""
    with Client(f"http://{services[port].authority}") as client:
        answer = client.request("POST", f"{chat}/messages", b"", [JSON_TYPE, ("Content-Length", str(MIB + 1))])

    assert answer.status == 413
    check_problem(answer)


@EITHER_PORT
def test_a_chunked_body_above_1_mib_is_refused_while_reading(port: str, services: Services, chat: str) -> None:
    """The 413 comes although the body never ends."""
    piece = b"%x\r\n%s\r\n" % (64 * 1024, b" " * 64 * 1024)
    headers = [JSON_TYPE, ("Transfer-Encoding", "chunked")]
    with Client(f"http://{services[port].authority}") as client:
        answer = client.request("POST", f"{chat}/messages", piece * 17, headers)

    assert answer.status == 413
    check_problem(answer)


FULL_ONLY = [
    ("GET", APPLICATIONS), ("POST", ALIAS), ("GET", "{base}"), ("PATCH", "{base}"), ("PUT", "{base}"),
    ("DELETE", "{base}"), ("GET", "{base}/chats/1"), ("PATCH", "{base}/chats/1"), ("DELETE", "{base}/chats/1"),
    ("GET", "{base}/chats/1/messages/1"), ("PATCH", "{base}/chats/1/messages/1"), ("HEAD", "{base}/chats/1"),
    ("DELETE", "{base}/chats/1/messages/1"), ("GET", "{base}/chats/1/messages/search?q=x"), ("GET", "/docs"),
    ("GET", "/openapi.json"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target"), FULL_ONLY)
def test_the_write_port_names_the_other_port(
    method: str, target: str, api: Client, write: Client, application: Tenant
) -> None:
    """A route that only the full API has is 404, with a sentence that helps."""
    application.create_chat()

    answer = write.request(method, target.replace("{base}", application.path))

    assert answer.status == 404
    if method != "HEAD":
        assert str(api.port) in check_problem(answer, application.token)["error"]


@pytest.mark.parametrize("path", ["/chats", "/chats/1/messages"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_write_port_does_not_list(method: str, path: str, api: Client, write: Client, application: Tenant) -> None:
    """Reading a path that it knows for POST is 404 naming the other port, or 405 with Allow."""
    application.create_chat()

    answer = write.request(method, application.path + path)

    assert answer.status in {404, 405}
    if method == "GET":
        problem = check_problem(answer, application.token)
        assert str(api.port) in problem["error"] or answer.header("Allow")


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1",
    "[::2]:3000",
]
OWN_HOSTS = ["localhost", "localhost:3000", "127.0.0.1", "LOCALHOST:80", "[::1]:3000"]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", [APPLICATIONS, ALIAS])
def test_a_foreign_host_may_not_list_or_create_applications(host: str, path: str, api: Client) -> None:
    """DNS rebinding: 403 `host_not_allowed`, before anything of the request is looked at."""
    answers = [
        api.request("GET", path, host=host),
        api.request("POST", path, b'{"name":"x"}', [JSON_TYPE], host=host),
        api.request("POST", path, b"{", [("Content-Type", "text/plain"), ("Idempotency-Key", "k" * 256)], host=host),
        api.request("POST", path, b" " * (MIB + 1), [JSON_TYPE], host=host),
    ]

    for answer in answers:
        assert answer.status == 403
        assert check_problem(answer)["code"] == "host_not_allowed"


def test_a_foreign_host_sees_the_method_refused_first(api: Client) -> None:
    """Route and method come before authentication."""
    assert api.request("DELETE", APPLICATIONS, host="evil.example").status == 405


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_a_loopback_host_may_list_and_create_applications(host: str, api: Client) -> None:
    """Names and addresses of this machine, with any port."""
    listed = api.request("GET", f"{APPLICATIONS}?limit=1", host=host)
    created = api.request("POST", APPLICATIONS, b'{"name":"x"}', [JSON_TYPE], host=host)

    assert (listed.status, created.status) == (200, 201)


@EITHER_PORT
def test_a_token_is_enough_below_its_application(port: str, services: Services, chat: str) -> None:
    """Behind a proxy the host is another one: the token in the path is the credential."""
    answer = services[port].request("POST", f"{chat}/messages", b'{"body":"hi"}', [JSON_TYPE], host="chat.example")

    assert answer.status == 201


@EITHER_PORT
def test_an_unknown_route_is_a_problem(port: str, services: Services) -> None:
    """Same shape as every other error, and no word about what the framework is."""
    answers: list[Answer] = [
        services[port].get(path)
        for path in ("/", "/api/v1", "/debug", "/.env", "/api/v1/chat_applications/", f"{ALIAS}/{UNKNOWN_TOKEN}/x")
    ]

    for answer in answers:
        assert answer.status == 404
        check_problem(answer, UNKNOWN_TOKEN)


def test_no_token_is_in_the_log(server: Deployment, services: Services, application: Tenant) -> None:
    """The token is the credential: it is masked in lines about good and bad requests alike."""
    chat = application.create_chat()
    for client in services.values():
        client.json("POST", f"{chat}/messages", {"body": "hi"})
        client.json("POST", f"{chat}/messages", {"body": ""})
        client.get(f"{application.path}/nothing/{application.token}")
    expect(services["api"].get(f"{chat}/messages"), 200)

    assert application.token not in server.log_text()


def test_no_token_is_in_the_metrics(services: Services, application: Tenant) -> None:
    """Labels are route templates."""
    chat = application.create_chat()
    for client in services.values():
        client.json("POST", f"{chat}/messages", {"body": "hi"})
        client.get(f"/api/v1/{application.token}")

        assert not re.search(rb"[0-9a-f]{32}", client.get("/metrics").body)
