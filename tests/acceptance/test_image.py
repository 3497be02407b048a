"""What the Dockerfile says, checked without an engine that could build it."""

from __future__ import annotations

import re
import tomllib

from parley.config import Settings, variable_of
from parley.domain.binds import parse_bind
from tests.support.containers import COMPOSE
from tests.support.dockerfile import ROOT, VENV, Stage, every, image_stages, last, settings_of, stages

IGNORED = ROOT / ".dockerignore"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def copied(stage: Stage) -> list[str]:
    """Give what a stage takes from the checkout."""
    found = [instruction for instruction in every(stage, "COPY") if not instruction.text.startswith("--from")]
    return [source for instruction in found for source in instruction.words()[:-1]]


def installs(stage: Stage) -> list[list[str]]:
    """Give the commands that fill the environment, in order."""
    return [words for run in every(stage, "RUN") if (words := run.words())[0] == "uv"]


def test_a_dockerfile_is_read_in_stages() -> None:
    """Comments go, continued lines are joined, options stand in front."""
    build = "# no\nFROM a AS b\nRUN --mount=type=cache \\\n    uv  sync\n"
    image = 'FROM c\nENV A=1 \\\n    B="2 3"\nENTRYPOINT ["d"]\n'

    first, second = stages(build + image)

    assert [last(first, "FROM").words(), last(first, "RUN").words()] == [["a", "AS", "b"], ["uv", "sync"]]
    assert last(second, "ENV").names() == {"A": "1", "B": "2 3"}
    assert last(second, "ENTRYPOINT").exec_form() == ["d"]


def test_both_stages_have_the_same_pinned_base() -> None:
    """The environment names its interpreter by path, and tomorrow's image is today's."""
    build, image = image_stages()
    base = last(image, "FROM").words()[0]

    assert last(build, "FROM").words()[0] == base
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base)
    python = re.escape(base.removeprefix("python:").partition("-")[0])
    assert re.search(rf"/usr/local/lib/python{python}$", every(image, "RUN")[0].text.partition(" &&")[0].strip())


def test_the_image_runs_parley_as_nobody_special() -> None:
    """A fixed number that is not root's owns nothing but the data folder, and no shell stands in between."""
    _, image = image_stages()
    user = last(image, "USER").text

    assert re.fullmatch(r"([1-9]\d{4,}):\1", user)
    assert f"--uid {user.partition(':')[0]} " in every(image, "RUN")[0].text
    assert last(image, "ENTRYPOINT").exec_form() == ["parley"]
    assert last(image, "STOPSIGNAL").text == "SIGTERM"
    assert [instruction.name for instruction in image[image.index(last(image, "USER")) :]].count("RUN") == 0
    assert not every(image, "HEALTHCHECK"), "each role has its own, in the compose file"


def test_the_image_holds_the_environment_alone() -> None:
    """Sources, build tools and caches stay behind."""
    build, image = image_stages()

    assert [instruction.text for instruction in every(image, "COPY")] == [f"--from=build {VENV} {VENV}"]
    assert settings_of(build)["UV_PROJECT_ENVIRONMENT"] == VENV
    assert settings_of(image)["PATH"].startswith(f"{VENV}/bin:")
    assert settings_of(image)["PYTHONDONTWRITEBYTECODE"] == "1"
    assert settings_of(build)["UV_COMPILE_BYTECODE"] == "1"


def test_the_image_names_settings_and_ports_that_exist() -> None:
    """A variable is a setting, and the ports are those of the defaults."""
    _, image = image_stages()
    defaults = Settings()
    binds = (defaults.api_bind, defaults.write_bind, defaults.admin_bind)

    known = {variable_of(name) for name in Settings.model_fields}

    assert {name for name in settings_of(image) if name.startswith("PARLEY_")} <= known
    assert last(image, "EXPOSE").words() == [str(parse_bind(bind).port) for bind in binds]


def test_the_image_has_the_version_of_the_project() -> None:
    """On its label and where it is started."""
    _, image = image_stages()
    labels = settings_of(image, "LABEL")

    assert labels["org.opencontainers.image.version"] == PROJECT["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]
    assert f"parley:{PROJECT['version']}" in COMPOSE.read_text("utf-8")


def test_the_builder_sees_only_what_it_copies() -> None:
    """Everything else is refused, so that no secret, database or local environment gets into a layer."""
    build, image = image_stages()
    lines = [line for line in IGNORED.read_text("utf-8").splitlines() if line and not line.startswith("#")]

    allowed = sorted(line.removeprefix("!") for line in lines if line.startswith("!"))

    assert lines[0] == "*"
    assert allowed == sorted(copied(build) + copied(image))
    assert all((ROOT / source).exists() for source in allowed)
    assert {"**/__pycache__", "**/*.pyc"} <= set(lines)


def test_the_builder_compiles_parley() -> None:
    """With what a slim base lacks; only the second of its installations builds anything."""
    build, _ = image_stages()
    (compiler,) = (run for run in every(build, "RUN") if run.words()[0] == "apt-get")

    assert settings_of(build)["HATCH_BUILD_HOOK_ENABLE_MYPYC"] == "1"
    assert {"gcc", "libc6-dev"} <= set(compiler.words())
    assert ["--no-build" in words for words in installs(build)] == [True, False]


def test_the_builder_installs_the_locked_versions_with_the_drivers() -> None:
    """Nothing newer, nothing for development, and with the same builder as a checkout."""
    build, _ = image_stages()
    script = (ROOT / "scripts" / "environment.sh").read_text("utf-8")
    wanted = re.search(r"^readonly uv_requirement='(.+)'$", script, re.MULTILINE)

    assert wanted is not None
    assert last(build[:3], "RUN").words()[-1] == wanted[1]
    assert len(installs(build)) == 2
    for words in installs(build):
        assert {"--locked", "--no-dev"} <= set(words)
        assert words[words.index("--extra") + 1] == "server"
    assert "server" in PROJECT["optional-dependencies"]
