"""Names, where their code is, and what happens when it is not there."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import ClassVar

import pytest

from bench.codec import Codec, DecodedFormat, Stopwatch
from bench.codecs.nerv import NeRV
from bench.codecs.raw import Raw
from bench.codecs.res_nerv import ResNeRV
from bench.codecs.x264 import X264
from bench.dataset import Dataset
from bench.errors import StreamError, UsageError
from bench.registry import Registry, check_suffix, codecs, datasets, decoder_of, unknown
from bench.video.raw import VideoFormat

pytestmark = pytest.mark.usefixtures("fresh_registry")

THIRD_PARTY = """
from bench.codec import Codec, DecodedFormat
from bench.video.y4m import read_y4m, write_y4m

class Mine(Codec):
    name, version, family, suffix = "mine", 1, "standard", ".mine"

    def encode(self, clip, stream, job):
        write_y4m(clip.yuv, stream)

    @classmethod
    def decode(cls, stream, frames, watch):
        return DecodedFormat(read_y4m(stream, frames))
"""

Install = Callable[[str, str], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Puts a module where Python finds it, until the end of the test."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(module: str, text: str) -> None:
        monkeypatch.delitem(sys.modules, module, raising=False)
        (tmp_path / f"{module}.py").write_text(text)

    return put


def announce(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    """Let these be the entry points of what is installed."""
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda *, group: EntryPoints(p for p in points if p.group == group)
    )


@pytest.mark.parametrize(("registry", "base"), [(codecs, Codec), (datasets, Dataset)])
def test_every_builtin_loads_and_knows_its_name(registry: Registry[Codec | Dataset], base: type) -> None:
    """A name leads to a class that calls itself by it."""
    for name in registry.builtin:
        found = registry.load(name)
        assert issubclass(found, base)
        assert found.name == name


def test_entry_points_are_found(monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    """An installed package adds a codec, and streams with its suffix lead to it."""
    install("third_party_a", THIRD_PARTY)
    announce(
        monkeypatch,
        EntryPoint("mine", "third_party_a:Mine", "bench.codecs"),
        EntryPoint("other", "third_party_a:Mine", "something.else"),
    )
    assert codecs.names() == [*codecs.builtin, "mine"]
    assert codecs.load("mine").__module__ == "third_party_a"
    assert decoder_of(Path("a.mine")) is codecs.load("mine")
    assert datasets.names() == list(datasets.builtin)


def test_environment_adds_codecs(monkeypatch: pytest.MonkeyPatch, install: Install) -> None:
    """For one that is still being written."""
    install("third_party_b", THIRD_PARTY)
    monkeypatch.setenv("BENCH_CODECS", "mine = third_party_b:Mine,")
    assert codecs.load("mine").__module__ == "third_party_b"


@pytest.mark.parametrize("value", ["mine", "mine=third_party", "third_party:Mine"])
def test_malformed_environment_is_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names the variable and the form that it should have."""
    monkeypatch.setenv("BENCH_CODECS", value)
    with pytest.raises(UsageError, match=r"BENCH_CODECS holds .*expected name=module:Class"):
        codecs.names()


def test_two_claims_to_a_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither silently wins; both are named."""
    announce(monkeypatch, EntryPoint("x264", "theirs:X264", "bench.codecs"))
    with pytest.raises(UsageError, match=r"'x264'.*bench\.codecs\.x264:X264.*theirs:X264"):
        codecs.names()


def test_one_claim_made_twice_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same package on the path twice is no clash."""
    point = EntryPoint("mine", "mine:Mine", "bench.codecs")
    announce(monkeypatch, point, point)
    assert codecs.names() == [*codecs.builtin, "mine"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("", "has no attribute 'Mine'"),
        ("raise RuntimeError('planted')", "planted"),
        ("def", "invalid syntax"),
        ("Mine = 3", "is not a Codec"),
    ],
)
def test_codec_that_cannot_be_loaded_harms_no_other(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch, install: Install
) -> None:
    """It is an error only when it is asked for: other names load and other streams decode."""
    install("third_party_bad", text)
    install("third_party_good", THIRD_PARTY)
    announce(
        monkeypatch,
        EntryPoint("bad", "third_party_bad:Mine", "bench.codecs"),
        EntryPoint("good", "third_party_good:Mine", "bench.codecs"),
    )
    assert codecs.names()[-2:] == ["bad", "good"]
    with pytest.raises(UsageError, match=r"third_party_bad:Mine") as caught:
        codecs.load("bad")
    assert said in str(caught.value)
    assert decoder_of(Path("a.mine")) is codecs.load("good")
    with pytest.raises(StreamError, match=r"'\.none'"):
        decoder_of(Path("a.none"))


def test_missing_module_of_a_third_party_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that was removed halfway."""
    monkeypatch.setenv("BENCH_CODECS", "mine=no_such_module:Mine")
    with pytest.raises(UsageError, match=r"'mine'.*no_such_module:Mine"):
        codecs.load("mine")


@pytest.mark.parametrize(
    ("name", "near"), [("nerf", "nerv"), ("x266", "x26"), ("enerv", "e-nerv"), ("av1", "svt-av1"), ("h265", "x265")]
)
def test_nearest_name_is_suggested(name: str, near: str) -> None:
    """Beside the list of all names."""
    with pytest.raises(UsageError, match=f"codec '{name}'.*mean '{near}") as caught:
        codecs.load(name)
    assert ", ".join(codecs.builtin) in str(caught.value)


def test_nothing_near_nothing_suggested() -> None:
    """A far-fetched suggestion helps nobody."""
    said = str(unknown("codec", "qqqq", ["x264", "nerv"]))
    assert "mean" not in said
    assert re.search("codec 'qqqq'.*x264, nerv", said)


@pytest.mark.parametrize("name", ["x264", "x265", "svt-av1", "vvenc", "raw", "nerv"])
def test_decoders_are_found_by_suffix(name: str) -> None:
    """Each codec's streams lead back to it, or to the one whose decoder it shares."""
    assert decoder_of(Path(f"any{codecs.load(name).suffix}")).name == name


@pytest.mark.parametrize("name", ["video.mp4", "video", "video.264.bak", ".264"])
def test_suffix_of_no_codec_is_an_error(name: str) -> None:
    """Which lists the suffixes that there are."""
    with pytest.raises(StreamError, match=r"\.y4m, \.264, \.265, \.obu, \.266, \.inr"):
        decoder_of(Path(name))


def test_two_decoders_of_one_suffix_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A third party's own decoder under a suffix that is taken would never be called; one that only encodes in a way
    of its own is fine."""

    class Encodes(Raw):
        name: ClassVar[str] = "encodes"

    class Decodes(Raw):
        name: ClassVar[str] = "decodes"

        @classmethod
        def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
            raise NotImplementedError

    stream = tmp_path / "any.y4m"
    for codec in (Encodes, Decodes):
        monkeypatch.setattr(codecs, "names", lambda: ["raw", "x264", "mine"])
        monkeypatch.setattr(codecs, "load", lambda name, mine=codec: {"raw": Raw, "mine": mine}.get(name, X264))
        if codec is Encodes:
            check_suffix(codec)
            assert decoder_of(stream) is Raw
        else:
            with pytest.raises(UsageError, match=r"'decodes' and 'raw' both claim the suffix \.y4m"):
                check_suffix(codec)
            with pytest.raises(UsageError, match=r"'raw' and 'decodes' both claim"):
                decoder_of(stream)


def test_codecs_that_share_a_suffix_are_told_apart_by_the_header(tmp_path: Path) -> None:
    """Every implicit codec writes .inr."""
    for codec in (NeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4), ResNeRV(fc_dim=2, lower_width=4, stem_dim=4)):
        check_suffix(type(codec))
        codec.encode_untrained(VideoFormat(48, 32, 3, Fraction(25), "rgb24"), tmp_path / "a.inr")
        assert decoder_of(tmp_path / "a.inr") is type(codec)
