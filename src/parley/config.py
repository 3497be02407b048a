"""Every setting once: typed, with a default and a sentence. The environment is read here only.

A value comes from a flag, else from ``PARLEY_<NAME>``, else (a secret) from the file that
``PARLEY_<NAME>_FILE`` names, else from its default. An empty value means: not set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from parley.domain.binds import parse_bind
from parley.domain.errors import ConfigurationError

PREFIX: Final = "PARLEY_"
FILE_SUFFIX: Final = "_FILE"
ADMIN_TOKEN_MIN: Final = 16
JOBS: Final = ("persist", "index", "erase", "reconcile")
"""What a worker process can do, in the order in which an entry meets them."""

_URL: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>\S.*)?")
_ORIGIN: Final = re.compile(r"\*|https?://[A-Za-z0-9._\[\]:-]+")
_SAMPLE: Final = re.compile(
    r"change-?_?me|replace-?_?me|your-?_?(admin|secret|token)|example|sample|<.*>|^(.)\2*$", re.IGNORECASE
)
_PASSWORDS: Final = (
    (re.compile(r"(//[^:@]*):.*@"), r"\1:********@"),
    (re.compile(r":[^:@/]*@"), ":********@"),
    (re.compile(r"password=[^&]*"), "password=********"),
)
"""Up to the last @, rather too much than too little: a password with a colon or a slash in it is a secret too."""


def _check_bind(text: str) -> str:
    return str(parse_bind(text))


def _check_url(text: str) -> str:
    matched = _URL.fullmatch(text)
    if matched is None:
        raise ValueError("a URL such as sqlite:///var/lib/parley/parley.db or memory://")
    if matched["scheme"] == "sqlite" and not re.match(r"/.*[^/]$", matched["rest"] or ""):
        raise ValueError("of the form sqlite:///path/to/file.db")
    return text


def _check_origins(text: str) -> str:
    origins = [origin.strip().rstrip("/") for origin in text.split(",") if origin.strip()]
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("origins such as https://chat.example.org, without a path, separated by commas")
    return ",".join(origins)


def _check_jobs(text: str) -> str:
    chosen = {job.strip() for job in text.split(",") if job.strip()}
    if not chosen or not chosen.issubset(JOBS):
        raise ValueError(f"some of {', '.join(JOBS)}, separated by commas")
    return ",".join(job for job in JOBS if job in chosen)


def _check_token(token: SecretStr | None) -> SecretStr | None:
    text = "" if token is None else token.get_secret_value()
    if token is not None and not re.fullmatch(rf"[!-~]{{{ADMIN_TOKEN_MIN},}}", text):
        raise ValueError(f"at least {ADMIN_TOKEN_MIN} printable ASCII characters without spaces: openssl rand -hex 24")
    if _SAMPLE.search(text):
        raise ValueError("a value of your own, not a sample: openssl rand -hex 24")
    return token


def _file_url(name: str, data: dict[str, Any]) -> str:
    return "sqlite://" + quote(str(data["data_dir"] / name))


def _derived(rule: str, make: Any, sentence: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """Declare a setting whose default follows from the settings above it; ``rule`` says how."""
    return Field(default_factory=make, description=sentence, json_schema_extra={"rule": rule})


Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
BindText = Annotated[str, AfterValidator(_check_bind)]
Url = Annotated[str, AfterValidator(_check_url)]
Origins = Annotated[str, AfterValidator(_check_origins)]
Jobs = Annotated[str, AfterValidator(_check_jobs)]
AdminToken = Annotated[SecretStr | None, AfterValidator(_check_token)]


class Settings(BaseSettings):
    """Parley's settings, frozen. Each is ``PARLEY_<NAME>`` and ``--<name>`` on the commands that use it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        allow_inf_nan=False,
        validate_default=True,
    )

    data_dir: Folder = Field(Path("./data"), description="Folder for the embedded database, its index and its lock.")
    database_url: Url = _derived(
        "sqlite:///<data-dir>/parley.db", lambda data: _file_url("parley.db", data), "Where rows are stored."
    )
    log_url: Url = _derived("the database", lambda data: data["database_url"], "Where numbers are given.")
    search_url: Url = _derived(
        "sqlite:///<data-dir>/search.db", lambda data: _file_url("search.db", data), "Where bodies are indexed."
    )
    pubsub_url: Url = Field("memory://", description="Fan-out between processes.")
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of a new database; fixed by the first migrate.")
    log_durability: Literal["synced", "relaxed"] = Field(
        "synced", description="Whether a log that does not sync before it answers is refused or accepted."
    )

    api_bind: BindText = Field("127.0.0.1:3000", description="Address of the full API.")
    write_bind: BindText = Field("127.0.0.1:8080", description="Address of the write service.")
    admin_bind: BindText = Field(
        "127.0.0.1:8081",
        description="Address of health, readiness and metrics of the workers, and of several write processes together.",
    )
    processes: int = Field(1, ge=1, le=64, description="Processes of the write service, all on its one address.")
    jobs: Jobs = Field(",".join(JOBS), description="Jobs of a worker process, separated by commas.")
    admin_token: AdminToken = Field(
        None, description="Bearer token for listing and creating applications; required on a non-loopback bind."
    )
    cors_origins: Origins = Field(
        "", description="Origins that browsers may call from, separated by commas; empty on loopback means localhost."
    )

    max_request_line_bytes: int = Field(8 * 1024, ge=256, description="Longest request line, in bytes.")
    max_header_bytes: int = Field(16 * 1024, ge=1024, description="Largest header block, in bytes.")
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body, in bytes.")
    header_timeout_s: float = Field(10, gt=0, description="Seconds a client has for its request line and headers.")
    body_timeout_s: float = Field(30, gt=0, description="Seconds a client has for its body.")
    keep_alive_timeout_s: float = Field(75, gt=0, description="Seconds an idle connection stays open.")
    write_timeout_s: float = Field(30, gt=0, description="Seconds a client may leave its answers unread.")
    max_connections: int = Field(4096, ge=1, description="Connections of one process, both ports together.")
    max_pipelined: int = Field(
        128, ge=1, description="Requests of one connection to the write service that wait for their answer."
    )
    max_held_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1024 * 1024,
        description="Half-sent requests of all clients, in bytes, and as much for those that wait for the database.",
    )
    max_unread_bytes: int = Field(
        32 * 1024 * 1024, ge=1024 * 1024, description="Answers that all clients leave unread, in bytes."
    )
    drain_timeout_s: float = Field(20, gt=0, description="Seconds that a stopping process waits for what is in flight.")

    append_max_entries: int = Field(256, ge=1, description="Entries of one append; a bulk is one and never split.")
    append_max_bytes: int = Field(1024 * 1024, ge=1024, description="Bytes of one append, unless one entry is larger.")
    answer_timeout_s: float = Field(
        5, gt=0, description="Seconds until a request is answered 503, or 504 if it is a write without an outcome."
    )
    depth_max_messages: int = Field(500_000, ge=1, description="Messages not yet stored at which creates answer 503.")
    depth_max_bytes: int = Field(
        1024 * 1024 * 1024, ge=1024, description="Bytes not yet stored at which creates answer 503."
    )
    key_ttl_s: int = Field(86_400, ge=60, description="Seconds an idempotency key is remembered.")
    dead_letter_run: int = Field(
        100, ge=1, description="Entries in a row that cannot be stored, at which a partition stores nothing any more."
    )

    readers: int = Field(3, ge=1, le=64, description="Reader threads on the embedded database.")
    search_batch_messages: int = Field(2_000, ge=1, description="Messages of one index transaction.")
    scan_max_messages: int = Field(
        200_000, ge=1, description="Messages a one- or two-letter search looks at per request."
    )
    scan_max_s: float = Field(1, gt=0, description="Seconds a one- or two-letter search may take per request.")
    tail_max_bytes: int = Field(
        64 * 1024 * 1024,
        ge=0,
        description="Memory for the ends of chats that are being read, in bytes, and a quarter as much for what a log "
        "of its own has and the database has not; 0 keeps none.",
    )

    log_format: Literal["auto", "json", "human"] = Field(
        "auto", description="Log lines: human on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )


def load_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Read the settings: ``overrides`` (flags, by setting name) over the environment over the defaults.

    Raises:
        ConfigurationError: a value is not allowed; one line names it and says what is.
    """
    given = _given(overrides)
    try:
        return Settings(**_read_files(given), **_direct(given))
    except ValidationError as error:
        wrong = [problem for problem in error.errors() if problem["type"] != "default_factory_not_called"]
        raise ConfigurationError("; ".join(_explain_problem(problem) for problem in wrong)) from None


def refuse_public_bind(settings: Settings, names: Sequence[str] = ("api_bind", "write_bind")) -> None:
    """Refuse to listen where others reach it without an admin token, and twice on one address.

    ``names`` are the addresses that this process listens on.

    Raises:
        ConfigurationError: one line says which setting to change.
    """
    taken: dict[str, str] = {}
    for name in names:
        text = getattr(settings, name)
        if settings.admin_token is None and not parse_bind(text).is_loopback:
            raise ConfigurationError(
                f"{_names(name)} is {text}, which other machines may reach: set PARLEY_ADMIN_TOKEN "
                "(openssl rand -hex 24), or bind to 127.0.0.1"
            )
        if text in taken and parse_bind(text).port:
            raise ConfigurationError(f"{_names(taken[text])} and {_names(name)} are both {text}")
        taken[text] = name


def refuse_files(settings: Settings, names: Sequence[str]) -> None:
    """Refuse to share a file with other processes: ``names`` are the URLs that a role of its own uses.

    Raises:
        ConfigurationError: one of them is an embedded file; the line says which command runs on it.
    """
    for name in names:
        url = getattr(settings, name)
        if url.startswith("sqlite:"):
            raise ConfigurationError(
                f"{_names(name)} is {mask(url)}, a file that one process owns: use parley serve, "
                "which runs everything in one process, or set a server's URL"
            )


def unknown_variables() -> list[str]:
    """Give a sentence for each ``PARLEY_*`` variable that is no setting, with the nearest name."""
    known = [variable_of(name) for name in Settings.model_fields]
    known += [variable_of(name) + FILE_SUFFIX for name in secret_names()]
    sentences = []
    for variable in sorted(os.environ):
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            near = get_close_matches(variable.upper(), known, n=1)
            sentences.append(f"{variable} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return sentences


def origin_of(
    name: str, overrides: Mapping[str, object] | None = None
) -> Literal["flag", "environment", "file", "default"]:
    """Say where a setting's value comes from."""
    given = _given(overrides)
    if name in given:
        return "flag"
    if name in secret_names() and _file_of(name, given) is not None:
        return "file"
    return "environment" if variable_of(name) in _environment() else "default"


def notify_socket() -> str | None:
    """Give the address at which a supervisor wants to hear that we are ready; an abstract one starts with NUL."""
    address = os.environ.get("NOTIFY_SOCKET")
    return address.replace("@", "\0", 1) if address and address.startswith("@") else address or None


def secret_names() -> list[str]:
    """Give the settings whose value is never printed, and may be read from a file."""
    return [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]


def variable_of(name: str) -> str:
    """Give a setting's environment variable."""
    return PREFIX + name.upper()


def flag_of(name: str) -> str:
    """Give a setting's flag."""
    return "--" + name.replace("_", "-")


def sentence_of(name: str) -> str:
    """Give a setting's sentence."""
    return Settings.model_fields[name].description or ""


def default_text(name: str) -> str:
    """Give a setting's default, or the rule it follows from; empty if it is not set by default."""
    field = Settings.model_fields[name]
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        return str(extra["rule"])
    return (
        "" if field.default is None else f"./{field.default}" if isinstance(field.default, Path) else str(field.default)
    )


def mask(value: object) -> str:
    """Write a value for people: no secret, and no password of a URL."""
    if value is None:
        return ""
    text = "********" if isinstance(value, SecretStr) else str(value)
    for password, masked in _PASSWORDS:
        text = password.sub(masked, text)
    return text


def _allowed(name: str) -> str:
    """Say what a number or a choice may be."""
    field = Settings.model_fields[name]
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    kind = "a whole number" if field.annotation is int else "a number" if field.annotation is float else "a text"
    return kind + _bounds(field)


def _bounds(field: FieldInfo) -> str:
    limits = {key: getattr(item, key) for item in field.metadata for key in ("ge", "le", "gt") if hasattr(item, key)}
    if "ge" in limits and "le" in limits:
        return f" from {limits['ge']} to {limits['le']}"
    return f" of at least {limits['ge']}" if "ge" in limits else f" above {limits['gt']}" if "gt" in limits else ""


def _names(name: str) -> str:
    return f"{variable_of(name)} ({flag_of(name)})"


def _explain_problem(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    name = str(problem["loc"][0])
    error = problem.get("ctx", {}).get("error")
    given = "" if name in secret_names() else f" is {mask(problem['input'])!r}:"
    return f"{_names(name)}{given} must be {error or _allowed(name)}"


def _given(overrides: Mapping[str, object] | None) -> dict[str, object]:
    return {name: value for name, value in (overrides or {}).items() if value not in (None, "")}


def _direct(given: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in Settings.model_fields}


def _environment() -> dict[str, str]:
    return {name.upper(): value for name, value in os.environ.items() if value}


def _file_of(name: str, given: Mapping[str, object]) -> str | None:
    """Give the file that a secret comes from; a flag comes before the environment."""
    environment = _environment()
    if name in given:
        return None
    if name + FILE_SUFFIX.lower() in given:
        return str(given[name + FILE_SUFFIX.lower()])
    return None if variable_of(name) in environment else environment.get(variable_of(name) + FILE_SUFFIX)


def _read_files(given: Mapping[str, object]) -> dict[str, Any]:
    values = {}
    for name in secret_names():
        path = _file_of(name, given)
        if path is None:
            continue
        try:
            values[name] = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(
                f"{variable_of(name)}{FILE_SUFFIX} is {path!r}, which cannot be read: {why}"
            ) from None
    return values
