"""The scripts as files, and with the name of a life in them."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from itertools import product

from parley.domain.grants import Life
from parley.log.redis.scripts import life_script, script


def test_a_life_is_part_of_a_scripts_name() -> None:
    """Another partition, epoch or run is another script; the engine's name for it is the text's SHA1."""
    lives = [Life(1, "a"), Life(1, "b"), Life(2, "a")]

    made = [
        life_script(name, tag, life) for name, tag, life in product(("append", "restore"), ("{p:0}", "{p:1}"), lives)
    ]

    assert len({each.digest for each in made}) == len(made)
    for each in made:
        assert each.digest == sha1(each.text, usedforsecurity=False).hexdigest().encode()
        assert each.text.startswith(b"#!lua\n-- parley ")


def test_every_script_says_what_it_takes() -> None:
    """The key map stands in the header."""
    names = [file.name.removesuffix(".lua") for file in files("parley.log.redis").joinpath("lua").iterdir()]

    assert set(names) == {"append", "open", "restore", "seal", "trim"}
    for name in names:
        header = script(name).partition("\n\n")[0]
        assert "KEYS  1" in header or "KEYS  1" in script(name).partition("\nlocal")[0]
        assert "ARGV  1" in script(name).partition("\nlocal")[0]
        assert script(name).startswith("#!lua\n--")
