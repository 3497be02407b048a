"""Applications: create, list by cursor, rename, delete with everything below."""

from __future__ import annotations

import pytest

from tests.support.answers import TIME, TOKEN, check_answer, check_problem, links
from tests.support.client import JSON_TYPE, Client
from tests.support.polling import now, wait_for
from tests.support.tenant import ALIAS, APPLICATIONS, UNKNOWN_TOKEN, Tenant, expect

MEMBERS = ["name", "token", "chats_count", "created_at", "updated_at"]
BOTH_SPELLINGS = pytest.mark.parametrize("path", [APPLICATIONS, ALIAS])


def _walk(api: Client, target: str, relation: str = "next") -> list[list[str]]:
    """Follow the links to their end; give each page's tokens."""
    pages = []
    while target:
        answer = api.get(target)
        pages.append([row["token"] for row in expect(answer, 200)])
        target = links(answer, target).get(relation, "")
    return pages


@BOTH_SPELLINGS
@pytest.mark.parametrize("value", [{"name": "Shop"}, {"chat_application": {"name": "Shop"}}])
def test_a_client_creates_an_application(path: str, value: object, api: Client) -> None:
    """201 with exactly the five members; the token is 32 lower-case hex digits and usable at once."""
    answer = api.json("POST", path, value)

    created = expect(answer, 201)
    check_answer(answer)
    assert sorted(created) == sorted(MEMBERS)
    assert (created["name"], created["chats_count"]) == ("Shop", 0)
    assert TOKEN.fullmatch(created["token"])
    assert TIME.fullmatch(created["created_at"])
    assert created["updated_at"] == created["created_at"]
    assert answer.header("Parley-Durability") == "stored"
    assert expect(api.get(f"{path}/{created['token']}"), 200) == created
    assert expect(api.get(f"{ALIAS}/{created['token']}/chats"), 200) == []


def test_the_wrapped_name_wins(api: Client) -> None:
    """Wrapped wins when both are there; what cannot be set is ignored."""
    value = {
        "name": "flat",
        "chat_application": {"name": "wrapped", "token": UNKNOWN_TOKEN, "chats_count": 9, "created_at": "x"},
    }

    created = expect(api.json("POST", APPLICATIONS, value), 201)

    assert (created["name"], created["chats_count"]) == ("wrapped", 0)
    assert created["token"] != UNKNOWN_TOKEN


@pytest.mark.parametrize("name", ["a", "x" * 255, "🍣" * 255, "  trimmed  ", "a" + " " * 300, "Ünï cödé", "<b>"])
def test_a_name_is_kept_trimmed(name: str, api: Client) -> None:
    """1-255 characters after trimming; what is answered is what is read."""
    created = expect(api.json("POST", APPLICATIONS, {"name": name}), 201)

    assert created["name"] == name.strip()
    assert expect(api.get(f"{APPLICATIONS}/{created['token']}"), 200)["name"] == name.strip()


BAD_NAMES = ["", " ", "\t\n\u3000", "x" * 256, "🍣" * 256, "a\0b", None, 7, True, ["a"], {"name": "a"}]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name)[:20])
def test_a_wrong_name_is_refused(name: object, api: Client, application: Tenant) -> None:
    """422 naming the member, on create and on rename."""
    for method, path in (("POST", APPLICATIONS), ("PATCH", application.path), ("PUT", application.path)):
        answer = api.json(method, path, {"name": name})

        assert answer.status == 422, method
        assert list(check_problem(answer, application.token)["errors"]) == ["name"]
    assert expect(api.get(application.path), 200)["name"] == "tenant"


@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_is_named_blank(name: str, api: Client) -> None:
    """The sentence is that of every blank member."""
    problem = check_problem(api.json("POST", APPLICATIONS, {"name": name}))

    assert problem["errors"] == {"name": ["can't be blank"]}


@pytest.mark.parametrize(
    "value", [{}, {"chat_application": {}}, {"name": "x", "chat_application": {}}, {"chat": {"name": "x"}}]
)
def test_a_missing_name_is_refused(value: object, api: Client) -> None:
    """A wrapper without a name has none, whatever lies beside it."""
    answer = api.json("POST", APPLICATIONS, value)

    assert answer.status == 422
    assert check_problem(answer)["errors"] == {"name": ["can't be blank"]}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"name":"\xff"}', b'{"name":"\\ud800"}', b'{"chat_application":7}']
)
def test_what_is_not_a_json_object_is_refused(body: bytes, api: Client, application: Tenant) -> None:
    """400 on create and on rename."""
    for method, path in (("POST", APPLICATIONS), ("PATCH", application.path)):
        answer = api.request(method, path, body, [JSON_TYPE])

        assert answer.status == 400, (method, answer)
        check_problem(answer, application.token)


def test_the_same_name_twice_is_two_applications(api: Client) -> None:
    """Names need not be unique."""
    assert Tenant(api, "same").token != Tenant(api, "same").token


def test_applications_are_listed_in_creation_order(api: Client) -> None:
    """A walk over `next` shows every application once, oldest first; `prev` leads back over the same pages."""
    made = [Tenant(api).token for _ in range(5)]

    pages = _walk(api, f"{APPLICATIONS}?limit=100")

    seen = [token for page in pages for token in page]
    assert [token for token in seen if token in made] == made
    assert len(seen) == len(set(seen))
    assert all(len(page) == 100 for page in pages[:-1])
    assert pages[-1]


def test_a_list_of_applications_has_links_as_long_as_there_are_pages(api: Client) -> None:
    """No prev on the first page, no next on the last, and walking back meets the walk forth."""
    for _ in range(3):
        Tenant(api)
    first = api.get(f"{ALIAS}?limit=100")
    assert "prev" not in links(first, ALIAS)
    target, last = f"{ALIAS}?limit=100", first
    while following := links(last, target).get("next"):
        target, last = following, api.get(following)

    back = _walk(api, target, "prev")

    forth = _walk(api, f"{ALIAS}?limit=100")
    assert [token for page in reversed(back) for token in page] == [token for page in forth for token in page]


def test_a_page_of_applications_holds_whole_objects(api: Client) -> None:
    """Each row is what GET of it gives; there is no database id."""
    rows = expect(api.get(f"{APPLICATIONS}?limit=2"), 200)

    assert [sorted(row) for row in rows] == [sorted(MEMBERS)] * len(rows)
    assert expect(api.get(f"{APPLICATIONS}/{rows[0]['token']}"), 200) == rows[0]


def test_a_cursor_is_opaque(api: Client) -> None:
    """It is taken back as it was given, and shows no token and no plain number."""
    Tenant(api)
    Tenant(api)

    target = links(api.get(f"{APPLICATIONS}?limit=1"), APPLICATIONS)["next"]

    assert "limit=1" in target
    assert not TOKEN.search(target.split("?")[1])
    assert len(expect(api.get(target), 200)) == 1


@pytest.mark.parametrize("cursor", ["x", "0", "-1", "%00", "%ff", "🍣", "a" * 1_000, "MTox=", "%27", "bm90IG91cnM"])
def test_an_invalid_cursor_is_refused(cursor: str, api: Client) -> None:
    """400 `invalid_cursor`, under the name that the links use."""
    target = links(api.get(f"{APPLICATIONS}?limit=1"), APPLICATIONS)["next"]
    name = next(part.split("=")[0] for part in target.split("?")[1].split("&") if not part.startswith("limit="))

    answer = api.get(f"{APPLICATIONS}?{name}={cursor if cursor.isascii() else '%F0%9F%8D%A3'}")

    assert answer.status == 400
    assert check_problem(answer)["code"] == "invalid_cursor"


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("value", [{"name": " New "}, {"chat_application": {"name": "New"}, "name": "flat"}])
def test_a_client_renames_an_application(method: str, value: object, api: Client, application: Tenant) -> None:
    """200 with the object; the token and the creation time stay."""
    before = expect(api.get(application.path), 200)
    wait_for(lambda: now() > before["created_at"], "the clock goes on")

    answer = api.json(method, application.path, value)

    after = expect(answer, 200)
    assert after["name"] == "New"
    assert {**after, "name": before["name"], "updated_at": before["updated_at"]} == before
    assert after["updated_at"] > before["updated_at"]
    assert answer.header("Parley-Durability") == "stored"
    assert expect(api.get(application.path), 200) == after


@pytest.mark.parametrize("member", ["token", "chats_count", "created_at"])
def test_what_a_client_cannot_set_is_ignored(member: str, api: Client, application: Tenant) -> None:
    """The member stays as it was beside a good name."""
    before = expect(api.get(application.path), 200)

    after = expect(api.json("PATCH", application.path, {"name": "n", member: 7}), 200)

    assert after[member] == before[member]


def test_a_deleted_application_takes_everything_with_it(api: Client, write: Client, application: Tenant) -> None:
    """204, then 404 for it and for all below, on both ports, at once."""
    chat = application.create_chat()
    application.post(chat, "hi")
    answer = api.request("DELETE", application.path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("Parley-Durability") == "stored"

    message = f"{chat}/messages/1"
    asked = [
        ("GET", application.path), ("PATCH", application.path), ("DELETE", application.path),
        ("GET", f"{application.path}/chats"), ("POST", f"{application.path}/chats"),
        ("GET", chat), ("PATCH", chat), ("DELETE", chat), ("GET", f"{chat}/messages"),
        ("POST", f"{chat}/messages"), ("POST", f"{chat}/messages/bulk"), ("GET", message), ("PATCH", message),
        ("DELETE", message), ("GET", f"{chat}/messages/search?q=hi"),
    ]  # fmt: skip
    answers = [api.json(method, path, {"x": 1} if method in {"POST", "PATCH"} else None) for method, path in asked]
    answers += [write.json("POST", path, {"x": 1}) for method, path in asked if method == "POST"]

    for gone in answers:
        assert gone.status == 404
        assert check_problem(gone, application.token)["error"] == "ChatApplication not found"
    assert application.token not in [token for page in _walk(api, f"{APPLICATIONS}?limit=100") for token in page]


def test_chats_are_counted(api: Client, write: Client, application: Tenant) -> None:
    """Live chats, within 5 s of the last write."""
    for _ in range(3):
        application.create_chat()
    expect(write.request("POST", f"{application.path}/chats"), 201)
    expect(api.request("DELETE", f"{application.path}/chats/2"), 204)

    wait_for(lambda: expect(api.get(application.path), 200)["chats_count"] == 3, "chats_count is 3", timeout_s=5)
