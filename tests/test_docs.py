"""What the documentation names must exist."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_layout import ORDER

from bench.cli import COMMANDS
from bench.codec import Parameters
from bench.files import load_toml
from bench.registry import codecs
from bench.runs.plan import Selection, rate_points
from bench.runs.preset import Preset, expand, load_preset

ROOT = Path(__file__).resolve().parents[1]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
PAGES = [README, CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md"))]

pytestmark = pytest.mark.skipif(not README.exists(), reason="the repository is not here")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

FOLDERS = "bench|benchmarks|codecs|datasets|docs|results|tests"
MADE_BY_USERS = ("results/runs", "results/before", "results/after")
"""Paths in examples, which a run makes."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """Without blocks between fences."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)


def block_of(page: Path, language: str) -> str:
    """The one block between fences that is in this language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.DOTALL | re.MULTILINE)
    return str(block)


def links(page: Path) -> Iterator[str]:
    """The targets of the links and pictures of a page that lead to no other site."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """What links can name behind a ``#``, made from headings in the way of GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(page: Path) -> Iterator[str]:
    """Files and folders of the repository that are named in backticks, as far as they are not examples."""
    for span in re.findall(r"`([^`\n]+)`", prose_of(page)):
        for path in re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]+", span):
            if not path.startswith(MADE_BY_USERS) and not re.search(r"\b[A-Z]{2,}\b", path):
                yield path.rstrip(".")


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each ``python -m bench COMMAND`` with its arguments."""
    for line in re.findall(r"python -m bench\b([^`\n&]*)", text_of(page)):
        words = shlex.split(line, comments=True)
        if words:
            yield words[0], words[1:]


def test_the_search_finds_something() -> None:
    """The tests below would pass if the patterns found nothing."""
    assert {"docs/inputs.md", "CHANGELOG.md"} <= {link.partition("#")[0] for link in links(README)}
    assert "bench/registry.py" in set(paths(README))
    assert "bench/presets/*.toml" in set(paths(CONTRIBUTING))
    assert ("report", ["--anchor", "x264"]) in list(commands(README))
    assert "the-folders" in anchors(CONTRIBUTING)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


@each_page
def test_named_paths_exist(page: Path) -> None:
    for path in paths(page):
        found = list(ROOT.glob(path)) if "*" in path else [ROOT / path]
        assert found, path
        assert all(each.exists() for each in found), path


@each_page
def test_commands_exist_with_their_options(page: Path) -> None:
    for command, arguments in commands(page):
        assert command in COMMANDS, f"python -m bench {command}"
        parser = importlib.import_module(f"bench.cli.{command}").make_parser(command)
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                parser.parse_args(arguments)
        except SystemExit:
            pytest.fail(f"python -m bench {command} {shlex.join(arguments)}: {said.getvalue()}")


@each_page
def test_selections_of_codecs_exist(page: Path) -> None:
    """Such as ``nerv[pruned=0.6]``: a codec with options that it has."""
    preset = load_preset("smoke")
    for name, chosen in re.findall(r"(?<![\w/.-])([a-z][\w-]*)\[(\w+=[^\]`]*)\]", text_of(page)):
        rate_points(Selection(name, dict(option.split("=") for option in chosen.split(","))), preset)


def test_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= 115


def test_readme_shows_the_whole_codec() -> None:
    """`codecs/raw.py` without its imports."""
    whole = (ROOT / "codecs" / "raw.py").read_text(encoding="utf-8")
    assert whole.endswith(block_of(README, "python"))


def test_the_rooms_are_those_of_the_layout() -> None:
    """The table in CONTRIBUTING.md has every room, in order."""
    table = text_of(CONTRIBUTING).partition("| room |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE) == ORDER


def test_every_option_of_a_codec_is_explained() -> None:
    """`docs/codecs.md` names each field of each codec."""
    explained = text_of(ROOT / "docs" / "codecs.md")
    for name in codecs.builtin:
        assert f"`{name}`" in explained
        for option in codecs.load(name)().parameters():
            assert re.search(rf"`{option}[`=]", explained), f"{name}: {option}"


def test_the_preset_that_is_shown_can_be_run(tmp_path: Path) -> None:
    """Of `docs/presets.md`: its codecs exist and take these values."""
    (tmp_path / "my.toml").write_text(block_of(ROOT / "docs" / "presets.md", "toml"), encoding="utf-8")
    table = load_toml(tmp_path / "my.toml")
    points: dict[str, list[Parameters]] = {name: expand(name, values) for name, values in table["codecs"].items()}
    smoke = load_preset("smoke")
    preset = Preset("my", table["description"], table["full_scale"], smoke.cut, points, smoke.digest)
    assert {name: len(rate_points(Selection(name, {}), preset)) for name in points} == {"nerv": 4, "x265": 4}
