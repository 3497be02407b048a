"""The forty attacks and bad inputs that Parley is held against: what each is, what it gets, which tests show it.

``python -m tests.support.attacks`` writes the table of docs/security.md; tests/unit/test_attacks.py holds both to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN: Final = "<!-- written by python -m tests.support.attacks -->\n"
END: Final = "<!-- up to here -->\n"


class Attack(NamedTuple):
    """One row; ``tests`` are ``folder/module::function`` below tests/; ``missing`` is what of it is not built yet."""

    number: int
    sent: str
    answer: str
    tests: tuple[str, ...] = ()
    missing: str = ""


def _not_yet(number: int, sent: str, what: str) -> Attack:
    return Attack(number, sent, "", (), f"not built yet: {what}")


ATTACKS: Final = (
    Attack(
        1,
        "chats and messages of another tenant, by guessing their numbers",
        "404, byte for byte that of an unknown one, on every route by every method, and as fast",
        (
            "api/test_tenants::test_no_operation_is_left_out",
            "api/test_tenants::test_a_chat_of_another_tenant_is_unknown",
            "api/test_tenants::test_a_message_of_another_tenant_is_unknown",
            "api/test_tenants::test_a_read_shows_nothing_of_another_tenant",
            "api/test_tenants::test_nothing_of_the_others_was_touched",
            "api/test_attacks_bounds::test_a_foreign_number_takes_as_long_as_an_unknown_one",
        ),
    ),
    Attack(
        2,
        "0, -1, 1.5, 1e3, 01, ١, 2^63, 10^400, %00 as a number",
        "404 in every path by every method, on both services; 422 in a query",
        (
            "api/test_attacks::test_what_is_no_number_is_not_found",
            "api/test_paging::test_a_bad_window_is_refused",
            "unit/http/test_requests::test_a_number_of_a_path_is_read",
        ),
    ),
    Attack(
        3,
        "a body with id, number, created_at, messages_count, token, role",
        "ignored: what is answered and stored is as without",
        (
            "api/test_attacks::test_what_a_client_cannot_set_is_never_stored",
            "api/test_applications::test_what_a_client_cannot_set_is_ignored",
        ),
    ),
    Attack(
        4,
        "10,000 random tokens, and near misses",
        "404, always the same; a token is 128 random bits, the admin token is compared in constant time",
        (
            "api/test_attacks::test_ten_thousand_guessed_tokens_are_answered_alike",
            "api/test_tenants::test_a_near_miss_of_a_token_is_unknown",
            "api/test_tenants::test_a_deleted_token_is_unknown",
            "api/test_admin::test_a_caller_without_the_admin_token_is_refused",
        ),
        "a limit per address",
    ),
    Attack(
        5,
        "the token in the path",
        "in no log line, label, error or header that is not asked for: after each suite the output is searched",
        (
            "api/test_everywhere::test_no_token_is_in_the_log",
            "api/test_everywhere::test_no_token_is_in_the_metrics",
            "unit/telemetry/test_logs::test_token_is_masked_wherever_it_stands",
        ),
        "traces",
    ),
    Attack(
        6,
        "broken JSON, duplicate members, NaN, a BOM, UTF-16, lone surrogates, trailing bytes",
        "400; of duplicate members the last counts",
        ("api/test_parity::test_both_services_answer_as_recorded", "unit/http/test_requests::test_any_object_is_read"),
    ),
    Attack(
        7,
        "100,000 nested brackets, a mebibyte of them, a number beside them",
        "400 in a fraction of a second of CPU, no RecursionError",
        (
            "api/test_attacks_bounds::test_a_deep_body_costs_little",
            "api/test_parity::test_both_services_answer_as_recorded",
            "unit/log/test_entries::test_what_cannot_be_read_keeps_its_place_and_all_that_lies_there",
        ),
    ),
    Attack(
        8,
        "100 MB, announced or in chunks without an end; a byte a second",
        "413 before it is read, 408, closed; memory stays flat",
        (
            "api/test_attacks_bounds::test_a_hundred_megabytes_are_refused_in_flat_memory",
            "api/test_everywhere::test_a_chunked_body_above_1_mib_is_refused_while_reading",
            "acceptance/test_manners::test_client_is_told_408_when_it_is_slow",
            "acceptance/test_manners::test_health_answers_within_a_second_when_2000_requests_are_half_sent",
        ),
    ),
    Attack(
        9,
        "a gzip bomb, packed twice, br, zstd",
        "415: nothing is unpacked",
        ("api/test_attacks::test_a_body_that_is_no_plain_json_is_refused_unread",),
    ),
    Attack(
        10,
        "text, XML with an entity, forms, multipart without a limit, a content type that stalls a parser",
        "415; there is no parser of forms",
        (
            "api/test_attacks::test_a_body_that_is_no_plain_json_is_refused_unread",
            "unit/test_attacks::test_no_parser_of_forms_is_pinned_that_stood_still",
        ),
    ),
    Attack(
        11,
        "empty, blank, zero-width only, at the limit and above it, in bytes and in 4-byte characters",
        "201 or 422 as the contract says, alike on both services and in both profiles",
        (
            "api/test_parity::test_both_services_answer_as_recorded",
            "api/test_profiles::test_both_profiles_answer_a_recorded_case_alike",
        ),
    ),
    Attack(
        12,
        "NUL, control and bidirectional characters, Zalgo, ZWJ, U+2028, the 515 naughty strings",
        "as they were sent, code point for code point, in answers, lists, search and export; NUL is 422",
        (
            "api/test_naughty::test_every_string_is_a_body",
            "api/test_naughty::test_every_string_is_metadata",
            "api/test_naughty::test_every_string_is_a_path_part",
            "api/test_naughty::test_every_string_is_a_header_and_a_query",
            "api/test_attacks_bounds::test_a_bulk_of_marks_costs_little",
            "acceptance/test_import_export::test_file_comes_back_as_it_was",
        ),
    ),
    Attack(
        13,
        "a search for 🍣 where 🍺 is, é for e, ПРИВЕТ for привет, a space at the end",
        "as canonical caseless matching says, alike in all engines",
        (
            "api/test_search::test_a_search_finds_what_a_naive_one_does",
            "api/test_search::test_a_search_keeps_the_examples_of_the_contract",
            "unit/domain/test_text::test_a_searcher_sees_every_other_difference",
        ),
    ),
    Attack(
        14,
        "SQL and other query languages in tokens, cursors, parameters, keys and bodies",
        "data; parameters that nobody knows, as `sort`, are ignored",
        (
            "api/test_attacks::test_what_looks_like_a_query_is_data",
            "api/test_naughty::test_every_string_is_a_search_text",
        ),
    ),
    Attack(
        15,
        "a search for `%`, `_`, `\\`, `*`, `?`, `body:*`, `/.*/`, `*a*b*c*`, 10,000 characters",
        "literal; 422 above 200 characters; one or two characters bounded in rows and time, longer ones: see below",
        (
            "api/test_search::test_a_search_finds_what_a_naive_one_does",
            "api/test_search::test_a_query_of_over_200_characters_is_refused",
            "api/test_naughty::test_every_string_is_a_search_text",
        ),
    ),
    Attack(
        16,
        "a cursor with a flipped bit, of another route; limit 0, -1, 10^9",
        "400 `invalid_cursor` or 422; a limit above 100 is 100",
        (
            "api/test_attacks::test_a_cursor_with_a_flipped_bit_is_no_cursor",
            "api/test_applications::test_an_invalid_cursor_is_refused",
            "api/test_paging::test_a_bad_limit_is_refused",
            "unit/domain/test_cursors::test_any_text_is_refused_or_what_would_be_given",
        ),
    ),
    Attack(
        17,
        "two lengths, length and chunks, folded lines, bare line feeds, a space before the colon",
        "400 and closed, and what follows is never a request; another parser agrees on what is one",
        (
            "acceptance/test_manners::test_client_is_told_400_when_its_request_is_ambiguous",
            "api/manners/test_framing::test_ambiguous_header_is_refused_and_closed",
            "unit/http/wire/test_connection::test_what_is_taken_for_a_request_is_one",
            "unit/http/wire/test_connection::test_client_gets_one_answer_a_request_in_order_and_no_5xx",
        ),
    ),
    Attack(
        18,
        "line ends, 10 kB or non-ASCII in X-Request-Id, Idempotency-Key, paths",
        "replaced or 400, never echoed; a header of 16 kB costs little, whatever it is made of",
        (
            "api/test_everywhere::test_a_bad_request_id_is_replaced",
            "api/test_attacks::test_line_ends_in_what_a_client_sends_begin_no_header",
            "api/test_attacks_bounds::test_a_header_of_16_kb_costs_little",
            "api/test_naughty::test_every_string_is_an_idempotency_key",
        ),
        "file names",
    ),
    Attack(
        19,
        "line breaks and a forged log line in a message, ANSI escapes",
        "one escaped line an event; bodies are never logged",
        (
            "api/test_attacks::test_a_forged_line_is_no_line_of_the_log",
            "unit/telemetry/test_logs::test_value_cannot_begin_a_line_or_move_the_cursor",
        ),
    ),
    Attack(
        20,
        "X-Forwarded-For, X-Forwarded-Host, Forwarded, X-Real-IP in rotation",
        "no proxy is trusted by its word",
        ("api/test_attacks::test_a_header_of_a_proxy_opens_nothing",),
        "limits per address, and so per /64",
    ),
    Attack(
        21,
        "other spellings of a path to get round a limit: case, //, %2f, the alias, the other service",
        "one spelling of every path; the alias and the other service are the same application",
        (
            "unit/http/test_front::test_a_second_spelling_is_not_found",
            "api/test_parity::test_both_services_answer_as_recorded",
        ),
        "limits, GraphQL, WebSockets",
    ),
    Attack(
        22,
        "an idempotency key with another body, in flight, of another tenant, after a refusal, of 300 characters",
        "422; the repeat waits; independent; taken anew; 400",
        (
            "api/test_idempotency::test_another_payload_under_the_same_key_is_refused",
            "api/test_idempotency::test_concurrent_repeats_make_one_message",
            "api/test_idempotency::test_a_rejected_request_does_not_use_the_key_up",
            "api/test_tenants::test_a_key_of_another_tenant_is_a_new_one",
        ),
    ),
    _not_yet(23, "JWT with alg none, HS256 signed with the public key", "JWTs"),
    _not_yet(24, "JWT with a kid that is a path, SQL or a URL; jku, x5u, jwk", "JWTs"),
    _not_yet(25, "JWT expired, not yet valid, of another issuer or audience", "JWTs"),
    _not_yet(26, "a key that was rotated out, a flood of unknown kids", "JWTs"),
    _not_yet(27, "membership revoked while a token and a socket live", "users"),
    _not_yet(28, "WebSocket with a foreign, null or missing Origin", "WebSockets"),
    _not_yet(29, "WebSocket token in the query, a ticket used twice", "WebSockets"),
    _not_yet(30, "1 MB frames, endless fragments, ping floods, deflate bombs", "WebSockets"),
    _not_yet(31, "subscribing to a foreign chat, guessing event ids", "WebSockets"),
    _not_yet(32, "webhooks to inner addresses, redirects, rebinding", "webhooks"),
    _not_yet(33, "webhook replayed, old, or changed", "webhooks"),
    _not_yet(34, "uploads: wrong type, SVG, zip bombs, huge images, ../ in names", "uploads"),
    _not_yet(35, "pre-signed URL of another key, tenant, type, or used again", "uploads"),
    _not_yet(36, "GraphQL depth, aliases, batches, cycles, introspection", "GraphQL"),
    _not_yet(37, "bug reports of 10 MB, recursion, secrets inside", "bug reports"),
    Attack(
        38,
        "markup, `javascript:` links, `</script>`, `=cmd()`",
        "text in JSON; the page of documentation runs no script",
        ("api/test_attacks::test_markup_is_text",),
        "a page that shows messages, CSV",
    ),
    Attack(
        39,
        "CORS origins null, foreign, look-alike; method override, TRACE, cookies",
        "no CORS header, never `*`, no credentials; 405 with Allow; nothing is read from a cookie",
        (
            "api/test_everywhere::test_a_foreign_origin_may_not_read",
            "api/test_admin::test_configured_origins_replace_those_of_this_machine",
            "api/test_attacks::test_no_method_stands_for_another",
        ),
    ),
    Attack(
        40,
        "/debug, admin routes, random paths and tenants to blow up labels, a database that fails",
        "404; labels by route template alone; 503 that tells nothing. /metrics and /docs are open: see above",
        (
            "api/test_attacks::test_there_is_no_route_for_operators",
            "api/test_attacks::test_metrics_have_no_label_of_a_client",
            "api/test_attacks_bounds::test_a_database_that_fails_tells_nothing_of_itself",
            "unit/http/test_counting::test_every_operation_is_counted_under_its_template",
        ),
    ),
)


def table() -> str:
    """Write all rows as Markdown."""
    lines = ["| No | What is sent | What it gets | Shown by |", "|---|---|---|---|"]
    for row in ATTACKS:
        named = "<br>".join(f"[{name.partition('::')[2]}](../tests/{name.partition('::')[0]}.py)" for name in row.tests)
        answer = "; ".join(part for part in (row.answer, _without(row)) if part)
        cells = (str(row.number), row.sent, answer, named or "–")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _without(row: Attack) -> str:
    return f"*not built yet: {row.missing}*" if row.missing and row.tests else row.missing


def split_document() -> tuple[str, str, str]:
    """Give what stands before the table, the table, and what stands behind it."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    found, _, after = rest.partition(END)
    return before, found, after


def main() -> None:
    """Write the table into the document."""
    before, _, after = split_document()
    DOCUMENT.write_text(before + BEGIN + table() + END + after, "utf-8")


if __name__ == "__main__":
    main()
