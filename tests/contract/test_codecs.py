"""What every registered codec promises, third parties' included, on real frames.

Each codec runs at the first rate point of the preset ``smoke`` (its own, if that names none), with
the training cut to one epoch. A tool that is missing fails these tests; it skips none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cli.run import open_clips
from bench.codec import Codec, Family, Job, Stopwatch
from bench.dataset import Clip
from bench.errors import StreamError
from bench.measure.quality import measure_quality
from bench.records.record import Quality, Record
from bench.records.store import Store
from bench.registry import codecs, open_dataset
from bench.runs.cell import run_cell
from bench.runs.decoder import decode
from bench.runs.encoder import EncodeResult, EncodeTask
from bench.runs.plan import PlannedCell, Selection, rate_points
from bench.runs.preset import load_preset
from bench.runs.process import run_process
from bench.video.raw import RawVideo

SMOKE = load_preset("smoke")


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def marked(names: list[str]) -> list[Any]:
    """Codecs as parameters, with the marks of what running them takes."""
    trained = {name for name in names if codecs.load(name).family == "implicit"}
    marks = {True: (pytest.mark.process, pytest.mark.train), False: (pytest.mark.process,)}
    return [pytest.param(name, marks=marks[name in trained]) for name in names]


def first_point(name: str) -> Codec:
    """The codec as these tests run it."""
    codec = rate_points(Selection(name, {}), SMOKE)[0]
    fields = {field.name for field in dataclasses.fields(codec)}
    return dataclasses.replace(codec, epochs=1) if "epochs" in fields else codec  # type: ignore[call-arg]


@dataclass(frozen=True)
class Encoded:
    """What a codec made of the clip. ``stream`` was moved and renamed; the clip, the cache and the
    results directory are gone."""

    codec: Codec
    record: Record
    stream: Path
    again: str
    """The digest of the stream that a second encoder made."""


@pytest.fixture(scope="module", params=marked(codecs.names()))
def encoded(request: pytest.FixtureRequest, clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Each registered codec's."""
    codec = first_point(request.param)
    home = tmp_path_factory.mktemp("home")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / f"renamed{codec.suffix}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(home / "cache"))
        (copy,) = open_clips(open_dataset("bunny"), [], SMOKE.cut)
        assert copy.yuv_sha256 == clip.yuv_sha256
        store = Store(home)
        store.prepare()
        record = run_cell(PlannedCell(codec, request.param, copy, SMOKE, 0, ""), store, silent)
        assert record.status == "ok", record.reason
        assert record.stream is not None
        shutil.copyfile(home / record.stream.path, elsewhere)

        second = EncodeTask(
            request.param, codec.parameters(), copy, 0, home / f"again{codec.suffix}", home / "checkpoints"
        )
        run_process("bench.runs.encoder", home, second, EncodeResult, log=home / "log", progress=silent)
        again = hashlib.sha256(second.stream.read_bytes()).hexdigest()
        shutil.rmtree(home)
    return Encoded(codec, record, elsewhere, again)


def decoded_sha256(stream: Path, tmp_path: Path) -> tuple[str, str]:
    """The digest and the description of a stream's frames, decoded in another process."""
    with decode(stream, tmp_path / "log", silent) as decoded:
        return hashlib.sha256(decoded.video.path.read_bytes()).hexdigest(), str(decoded.video.format)


def test_facts(encoded: Encoded) -> None:
    """A codec has a name, a family, a version and a suffix."""
    codec = type(encoded.codec)
    assert codecs.load(codec.name) is codec
    assert codec.family in ("standard", "implicit")
    assert codec.version >= 1
    assert codec.suffix.startswith(".")


def test_suffix_leads_to_a_decoder_of_these_frames(
    encoded: Encoded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream is decoded by the first codec of its suffix. The codec that wrote it gets the same frames of it."""
    monkeypatch.chdir(tmp_path)
    codec = type(encoded.codec)
    form = codec.decode(encoded.stream, Path("own.raw"), Stopwatch())
    assert RawVideo(Path("own.raw"), form).sha256() == encoded.record.frames_sha256


def test_stream_is_accounted_for(encoded: Encoded) -> None:
    """The ledger sums to the size of the file, without negative or empty accounts of it all."""
    facts = encoded.record.stream
    assert facts is not None
    data = encoded.stream.read_bytes()
    assert facts.size_bytes == len(data) == sum(facts.ledger.values()) > 0
    assert facts.sha256 == hashlib.sha256(data).hexdigest()
    assert all(size >= 0 for size in facts.ledger.values())


def test_timings_are_measured(encoded: Encoded) -> None:
    """Encoding and decoding took time, in named parts."""
    for cost in (encoded.record.encode, encoded.record.decode):
        assert cost is not None
        assert cost.parts
        assert cost.seconds > 0
        assert cost.peak_memory_bytes > 1 << 20


def test_same_seed_gives_the_same_bytes(encoded: Encoded) -> None:
    """In another process, in another folder, under another name."""
    assert encoded.again == hashlib.sha256(encoded.stream.read_bytes()).hexdigest()


def test_stream_is_enough(encoded: Encoded, tmp_path: Path) -> None:
    """Moved and renamed, with source and cache gone, it decodes to the same frames as before."""
    digest, description = decoded_sha256(encoded.stream, tmp_path)
    assert digest == encoded.record.frames_sha256
    assert description.startswith("4 frames of 320x180 ")


# --- Quality


LEAST_GAIN_DB: dict[Family, tuple[str, float]] = {"standard": ("mean colour", 10.0), "implicit": ("black", 3.0)}
"""What a codec must beat, and by how much. Standard codecs at their first point are 17 to 23 dB above the clip's mean
colour. Networks show, after one epoch of four steps, little more than one colour: 4.9 to 5.6 dB above black, and no
more than grey, whose 11.4 dB are 5.1 above it. More can only be asked of longer training, as test_render does."""


def planted(clip: Clip, colour: Any, folder: Path) -> Quality:
    """What a decoder gets that gives one colour, red, green and blue, and nothing else."""
    video = RawVideo(folder / "planted.rgb", clip.rgb.format)
    pixels = np.empty((clip.rgb.format.frames, clip.rgb.format.height, clip.rgb.format.width, 3), np.uint8)
    pixels[:] = colour
    video.path.write_bytes(pixels.tobytes())
    return measure_quality(clip, video)


@pytest.fixture(scope="module")
def plain(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Quality]:
    """What single colours get: black, and the one that is nearest to the whole clip."""
    folder = tmp_path_factory.mktemp("plain")
    mean = np.fromfile(clip.rgb.path, np.uint8).reshape(-1, 3).mean(0).round()
    return {"black": planted(clip, 0, folder), "mean colour": planted(clip, mean, folder)}


def check_quality(found: Quality, family: Family, plain: Mapping[str, Quality]) -> None:
    """Fail if these are not the measured frames of a decoder that decodes."""
    colour, gain_db = LEAST_GAIN_DB[family]
    assert found.unavailable == {}
    assert all(len(values) == 4 for values in found.frames.values())
    assert plain[colour].clip["psnr_rgb"] + gain_db < found.clip["psnr_rgb"] < 60
    assert plain[colour].clip["ms_ssim_rgb"] < found.clip["ms_ssim_rgb"] < 1


def test_quality_is_measured(encoded: Encoded, plain: Mapping[str, Quality]) -> None:
    """Lossless is 100 dB and 1; anything else is below, and above what takes no decoding."""
    quality = encoded.record.quality
    assert quality is not None
    if encoded.codec.name == "raw":
        assert {quality.clip[name] for name in quality.clip if "psnr" in name} == {100.0}
        assert quality.clip["ms_ssim_rgb"] == pytest.approx(1)
    else:
        check_quality(quality, encoded.codec.family, plain)


@pytest.mark.parametrize(
    ("family", "colour"), [("standard", "black"), ("implicit", "black"), ("standard", "mean colour")]
)
def test_a_decoder_of_one_colour_does_not_pass(family: Family, colour: str, plain: Mapping[str, Quality]) -> None:
    """Whatever its stream, it shows nothing of it."""
    with pytest.raises(AssertionError):
        check_quality(plain[colour], family, plain)


def test_what_one_colour_gets(plain: Mapping[str, Quality], clip: Clip) -> None:
    """As the definition of PSNR has it: no measurement that is off hides a decoder that is."""
    errors = np.fromfile(clip.rgb.path, np.uint8).reshape(4, -1).astype(float) ** 2
    assert plain["black"].frames["psnr_rgb"] == pytest.approx(10 * np.log10(255**2 / errors.mean(1)))
    assert plain["black"].clip["psnr_rgb"] + 5 < plain["mean colour"].clip["psnr_rgb"]


def test_learned_decoders_state_their_cost(encoded: Encoded) -> None:
    """Parameters and MACs are there for networks and for nothing else."""
    complexity = encoded.record.complexity
    assert (complexity is not None) == (encoded.codec.family == "implicit")
    if complexity is not None:
        assert complexity.parameters > 100
        assert complexity.macs_per_frame > 320 * 180


# --- Streams that are none. Cuts lie inside a unit: a standard codec's elementary stream that ends
# between two pictures is a whole stream of fewer pictures.


DECODERS = list({first_point(name).suffix: name for name in reversed(codecs.names())}.values())[::-1]
once_a_decoder = pytest.mark.parametrize("encoded", marked(DECODERS), indirect=True)
in_process = pytest.mark.usefixtures("in_process")


def rejected(stream: Path, tmp_path: Path) -> str:
    """The message with which decoding a stream fails."""
    with pytest.raises(StreamError) as caught, decode(stream, tmp_path / "log", silent):
        pass
    return str(caught.value)


def test_half_a_stream_is_rejected(encoded: Encoded, tmp_path: Path) -> None:
    """Part of a file never passes for a video."""
    data = encoded.stream.read_bytes()
    path = tmp_path / f"half{encoded.codec.suffix}"
    path.write_bytes(data[: len(data) // 2])
    assert rejected(path, tmp_path)


@once_a_decoder
@in_process
def test_stream_without_its_end_is_rejected(encoded: Encoded, tmp_path: Path) -> None:
    """Not even when all but the last pictures are there."""
    data = encoded.stream.read_bytes()
    path = tmp_path / f"cut{encoded.codec.suffix}"
    path.write_bytes(data[: len(data) * 99 // 100])
    assert rejected(path, tmp_path)


@once_a_decoder
@in_process
def test_empty_stream_is_rejected(encoded: Encoded, tmp_path: Path) -> None:
    """No bytes are no video."""
    empty = tmp_path / f"empty{encoded.codec.suffix}"
    empty.touch()
    assert "empty" in rejected(empty, tmp_path)


@pytest.fixture(scope="module")
def foreign(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[bytes]]:
    """Two whole streams of codecs whose suffix is another one than is given."""
    folder = tmp_path_factory.mktemp("foreign")
    made = {}
    for name in ("x264", "x265", "raw"):
        codec = first_point(name)
        path = folder / f"foreign{codec.suffix}"
        codec.encode(clip, path, Job(0, folder, folder / "checkpoints", silent))
        made[codec.suffix] = path.read_bytes()
    return lambda suffix: [data for other, data in made.items() if other != suffix][:2]


@once_a_decoder
@in_process
def test_foreign_stream_is_rejected(encoded: Encoded, foreign: Callable[[str], list[bytes]], tmp_path: Path) -> None:
    """Another codec's stream under this codec's suffix is not decoded to something."""
    for number, data in enumerate(foreign(encoded.codec.suffix)):
        path = tmp_path / f"foreign{number}{encoded.codec.suffix}"
        path.write_bytes(data)
        assert path.stem in rejected(path, tmp_path)
