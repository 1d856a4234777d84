"""`bench verify` against planted damage: each is named, nothing else is, and the results directory stays as it is."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.cli import main
from bench.codec import Codec
from bench.codecs.raw import Raw
from bench.codecs.x264 import X264
from bench.dataset import Clip
from bench.records.record import Quality, Record
from bench.records.store import Store
from bench.runs.cell import run_cell
from bench.runs.plan import PlannedCell
from bench.runs.verification import (
    DRIFT_LIMIT_DB,
    KEPT_FRAME_LIMIT_DB,
    ROUNDING_DB,
    reasons_for_other_bytes,
    sample,
    verify,
)

MakeCell = Callable[..., PlannedCell]
Files = dict[str, tuple[int, bytes]]


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def finish(cell: PlannedCell, store: Store) -> tuple[str, Record]:
    """Run a cell, and the name and the record that it leaves."""
    record = run_cell(cell, store, silent)
    assert record.status == "ok"
    return cell.file_name, record


@pytest.fixture
def raw(in_process: None, make_cell: MakeCell, store: Store, clip: Clip) -> tuple[str, Record]:
    """The cell of the codec `raw` on Bunny, whose source is there."""
    return finish(make_cell("raw", clip), store)


def verified(store: Store, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """The exit status of ``bench verify`` and what it prints on standard output."""
    capsys.readouterr()
    status = main(["verify", "--results", str(store.root), *options])
    return status, capsys.readouterr().out


def contents(folder: Path) -> Files:
    """Everything in a folder with its time of change, which for a folder is that of its last new or removed entry."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [folder, *sorted(folder.rglob("*"))]
    }


# --- Nothing is wrong


def test_untouched_cells_are_the_same(
    in_process: None, make_cell: MakeCell, store: Store, clip: Clip, tiny: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each; of a clip that no dataset has, the metrics are not measured, and that is said."""
    names = [finish(make_cell(codec, where), store)[0] for codec in ("raw", X264(crf=40)) for where in (clip, tiny)]
    status, printed = verified(store, capsys)
    lines = printed.splitlines()
    assert status == 0
    assert [line.split(":")[0] for line in lines[:4]] == [f"same     {name}" for name in sorted(names)]
    assert all("frames, ledger and metrics are" in line for line in lines[:2])
    assert all("frames and ledger are" in line for line in lines[2:4])
    assert lines[4] == "4 same, 0 drifted, 0 missing, 0 broken; 4 of 4 finished cells were looked at."
    assert lines[5] == "The metrics of 2 were not measured, since their source is not here."


@pytest.mark.process
def test_nothing_in_a_read_only_results_directory_is_touched(
    make_cell: MakeCell, store: Store, tiny: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even a file that is made and removed again; the decoder and the encoder work in processes of their own."""
    finish(make_cell("raw", tiny), store)
    before = contents(store.root)
    folders = [path for path in [store.root, *store.root.rglob("*")] if path.is_dir()]
    try:
        for folder in folders:
            folder.chmod(0o555)
        assert verified(store, capsys)[0] == 0
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert contents(store.root) == before


# --- Streams


def flip(stream: Path, _: Path) -> None:
    """One bit in the middle."""
    content = bytearray(stream.read_bytes())
    content[len(content) // 2] ^= 1
    stream.write_bytes(content)


def truncate(stream: Path, _: Path) -> None:
    """The last byte is gone."""
    stream.write_bytes(stream.read_bytes()[:-1])


def put_another(stream: Path, other: Path) -> None:
    """That of another cell."""
    stream.write_bytes(other.read_bytes())


def delete(stream: Path, _: Path) -> None:
    """The stream is gone."""
    stream.unlink()


@pytest.mark.parametrize(
    ("damage", "verdict", "words"),
    [
        (flip, "broken", "damaged or another one"),
        (truncate, "broken", "bytes, the record states"),
        (put_another, "broken", "bytes, the record states"),
        (delete, "missing", "is not there"),
    ],
)
def test_damaged_streams_are_named(
    damage: Callable[[Path, Path], None],
    verdict: str,
    words: str,
    in_process: None,
    make_cell: MakeCell,
    store: Store,
    tiny: Clip,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And only they: the cell beside it is the same."""
    name, _ = finish(make_cell(X264(crf=30)), store)
    other, _ = finish(make_cell(X264(crf=40)), store)
    damage(store.stream_path(name, X264.suffix), store.stream_path(other, X264.suffix))
    status, printed = verified(store, capsys)
    assert status == 1
    lines = {line.split()[1].rstrip(":"): line for line in printed.splitlines()[:2]}
    assert lines[name].startswith(f"{verdict:8} ")
    assert words in lines[name]
    assert lines[other].startswith("same ")
    assert f"1 {verdict}" in printed.splitlines()[2]


def test_a_stream_that_does_not_decode_is_broken(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also if the record states its digest and size."""
    name, record = raw
    stream = store.stream_path(name, ".y4m")
    truncate(stream, stream)
    content = stream.read_bytes()
    assert record.stream is not None
    pixels = record.clip.yuv.format
    facts = replace(
        record.stream,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        bits_per_pixel=8 * len(content) / pixels.pixels,
        bitrate_mbps=8 * len(content) / pixels.duration_seconds / 1e6,
    )
    store.save(name, replace(record, stream=facts))
    status, printed = verified(store, capsys)
    assert status == 1
    assert re.match(rf"broken   {name}: .*StreamError: ", printed)


# --- Records


def as_network(record: Record) -> Record:
    """The same record of a network."""
    return replace(record, codec=replace(record.codec, family="implicit"))


def with_stream(**changes: Any) -> Callable[[Record], Record]:
    """The alteration of these fields of the stream's facts."""
    return lambda record: replace(record, stream=replace(record.stream, **changes))  # type: ignore[type-var]


def with_metric(name: str, by: float) -> Callable[[Record], Record]:
    """The alteration of a metric over the clip."""

    def alter(record: Record) -> Record:
        assert record.quality is not None
        return replace(record, quality=replace(record.quality, clip=moved(record.quality.clip, name, by)))

    return alter


def moved(values: dict[str, float], name: str, by: float) -> dict[str, float]:
    """The same values but one."""
    return values | {name: values[name] + by}


def with_frame(name: str, index: int, by: float) -> Callable[[Record], Record]:
    """The alteration of a metric in one frame."""

    def alter(record: Record) -> Record:
        assert record.quality is not None
        values = list(record.quality.frames[name])
        values[index] = (values[index] or 0.0) + by
        return replace(record, quality=replace(record.quality, frames=record.quality.frames | {name: values}))

    return alter


def with_frames(record: Record) -> Record:
    """One frame more than there is, at the rates that follow."""
    assert record.stream is not None
    form = replace(record.clip.yuv.format, frames=record.clip.yuv.format.frames + 1)
    altered = replace(record, clip=replace(record.clip, yuv=replace(record.clip.yuv, format=form)))
    bits = 8 * record.stream.size_bytes
    return with_stream(bits_per_pixel=bits / form.pixels, bitrate_mbps=bits / form.duration_seconds / 1e6)(altered)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (with_stream(ledger={"payload": 1}), "the record states {'payload': 1}"),
        (with_stream(bits_per_pixel=0.01), "the record states 0.010000"),
        (with_stream(bitrate_mbps=0.01), "Mbit/s, the record states 0.010000"),
        (with_stream(sha256="0" * 64), "damaged or another one"),
        (with_metric("psnr_y", 100 * ROUNDING_DB), "psnr_y is "),
        (with_metric("ms_ssim_rgb", -0.0001), "ms_ssim_rgb is 1.000000, the record states 0.999900"),
        (with_metric("ms_ssim_rgb_db", -30), "ms_ssim_rgb_db is "),
        (with_frame("psnr_rgb", 2, -0.001), "psnr_rgb of frame 2 is"),
        (with_frames, "the decoder gives 4 frames of 320x180"),
        (lambda record: replace(record, frames_sha256="0" * 64), "decodes to other samples"),
        (lambda record: replace(record, quality=None), "its status is ok, but it has no result"),
    ],
)
def test_altered_records_are_named(
    alter: Callable[[Record], Record],
    words: str,
    raw: tuple[str, Record],
    store: Store,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a record of a standard codec states must be so."""
    name, record = raw
    store.save(name, alter(record))
    status, printed = verified(store, capsys)
    assert status == 1
    assert re.match(rf"broken   {name}: ", printed)
    assert words in printed
    assert printed.splitlines()[0].count(";") <= 1  # one alteration, and what follows from it


@pytest.mark.parametrize(
    "alter",
    [
        with_stream(path=os.devnull),
        with_stream(path="records"),
        lambda record: replace(record, still=replace(record.still, index=99)),
        lambda record: replace(as_network(record), frames_sha256="", quality=Quality({}, {})),
    ],
)
def test_a_record_that_states_what_cannot_be_is_an_outcome(
    alter: Callable[[Record], Record], raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a traceback, and other cells are verified."""
    name, record = raw
    store.save(name, alter(record))
    store.save("zz", record)
    status, printed = verified(store, capsys)
    assert status == 1
    assert re.match(rf"(broken |missing)  {name}: ", printed)
    assert printed.splitlines()[1].startswith("same     zz: ")


def test_a_full_disk_is_found_before_decoding(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of a cell, and the message says what to do."""
    monkeypatch.setattr("bench.cli.verify.frames_bytes", lambda clip: 1 << 60)
    assert main(["verify", "--results", str(store.root)]) == 2
    assert re.search(r"raw needs .* GiB for decoded frames; .* TMPDIR", capsys.readouterr().err)


def test_unreadable_records_and_streams_without_a_record_are_named(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stream of an unreadable record is not named a second time."""
    name, _ = raw
    store.record_path(name).write_text("{", encoding="utf-8")
    store.stream_path("lonely", ".y4m").write_bytes(b"of nobody")
    status, printed = verified(store, capsys)
    assert status == 1
    first, second, third = printed.splitlines()
    assert re.match(rf"broken   {name}: .* is not a readable record", first)
    assert second == "missing  lonely: the stream streams/lonely.y4m has no record"
    assert third.startswith("0 same, 0 drifted, 1 missing, 1 broken")


def test_where_nothing_is_finished_there_is_nothing_to_verify(
    raw: tuple[str, Record], store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is an error: nobody should take it for a success. Beside finished cells, others are counted."""
    name, record = raw
    nothing = dict.fromkeys(("stream", "quality", "frames_sha256", "still"))
    failed = replace(record, status="failed", reason="planted", **nothing)  # type: ignore[arg-type]
    store.save("another", failed)
    assert "Records of cells without a stream: 1 failed." in verified(store, capsys)[1]
    store.save(name, failed)
    for root in (store.root, tmp_path / "nowhere"):
        assert main(["verify", "--results", str(root)]) == 2
        assert "There is nothing to verify" in capsys.readouterr().err


# --- Drift


def changed_picture(store: Store, record: Record, samples: int, by: int) -> Record:
    """A record of other frames, in whose kept frame so many samples are another, each by so much."""
    assert record.still is not None
    path = store.root / record.still.decoded.path
    picture = np.array(Image.open(path))
    flat = picture.reshape(-1)
    chosen = np.random.default_rng(2).choice(flat.size, samples, replace=False)
    flat[chosen] = np.where(flat[chosen] >= by, flat[chosen] - by, flat[chosen] + by)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    path.write_bytes(buffer.getvalue())
    kept = replace(record.still.decoded, sha256=hashlib.sha256(buffer.getvalue()).hexdigest())
    return replace(record, frames_sha256="0" * 64, still=replace(record.still, decoded=kept))


def test_drift_of_a_network_is_stated_exactly(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which samples of the kept frame were changed is known; 432 of 320x180x3 are a quarter of a percent."""
    name, record = raw
    altered = with_frame("psnr_rgb", 1, 0.8 * DRIFT_LIMIT_DB)(as_network(record))
    altered = with_metric("psnr_rgb", 0.2 * DRIFT_LIMIT_DB)(altered)
    store.save(name, changed_picture(store, altered, 432, 1))
    status, printed = verified(store, capsys)
    assert status == 0
    assert re.match(rf"drifted  {name}: ", printed)
    between_db = 10 * math.log10(255**2 * 320 * 180 * 3 / 432)
    assert f"0.2500 % of the kept frame's samples differ, by 1 at most, {between_db:.1f} dB between" in printed
    changes = f"changes by {0.8 * DRIFT_LIMIT_DB:.5f} dB at most, that of the clip by {-0.2 * DRIFT_LIMIT_DB:+.5f} dB"
    assert changes in printed
    assert "0 same, 1 drifted, 0 missing, 0 broken" in printed


@pytest.mark.parametrize(
    ("samples", "by", "verdict"),
    [(432, 1, "drifted"), (320 * 180 * 3, 1, "drifted"), (320 * 180 * 3, 2, "broken"), (432, 40, "broken")],
)
def test_a_network_that_drifts_too_far_is_broken(
    samples: int, by: int, verdict: str, raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the PSNR between two decodes of a frame: 48 dB if each sample differs by one, 42 dB if by two."""
    name, record = raw
    between_db = 10 * math.log10(255**2 * 320 * 180 * 3 / (samples * by**2))
    assert (between_db < KEPT_FRAME_LIMIT_DB) == (verdict == "broken")
    store.save(name, changed_picture(store, as_network(record), samples, by))
    status, printed = verified(store, capsys)
    assert (status, printed.split()[0]) == (int(verdict == "broken"), verdict)


@pytest.mark.parametrize(
    "alter",
    [
        with_frame("psnr_rgb", 1, 1.2 * DRIFT_LIMIT_DB),
        with_metric("psnr_rgb", -1.2 * DRIFT_LIMIT_DB),
        with_metric("ms_ssim_rgb", -0.01),
    ],
)
def test_a_drifted_network_must_keep_its_quality(
    alter: Callable[[Record], Record], raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that claims more, or less, than drift explains is broken."""
    name, record = raw
    store.save(name, changed_picture(store, alter(as_network(record)), 10, 1))
    status, printed = verified(store, capsys)
    assert (status, printed.split()[0]) == (1, "broken")


def test_the_same_frames_with_another_kept_frame_are_broken(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture in a report must be of the stream."""
    name, record = raw
    store.save(name, replace(changed_picture(store, as_network(record), 1, 1), frames_sha256=record.frames_sha256))
    status, printed = verified(store, capsys)
    assert status == 1
    assert "the kept frame is another" in printed


def test_a_kept_frame_may_be_absent_but_not_another_file(
    raw: tuple[str, Record], store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """An archive may leave pictures out."""
    _, record = raw
    assert record.still is not None
    path = store.root / record.still.decoded.path
    path.write_bytes(path.read_bytes() + b"x")
    status, printed = verified(store, capsys)
    assert (status, printed.split()[0]) == (1, "broken")
    assert "is not the file that its record names" in printed
    path.unlink()
    status, printed = verified(store, capsys)
    assert (status, printed.split()[0]) == (0, "same")
    assert f"{path.name} is not there" in printed


def test_without_source_and_kept_frame_drift_is_not_accepted(
    in_process: None, make_cell: MakeCell, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a clip that no dataset has. With the kept frame, that alone decides."""
    name, record = finish(make_cell("raw"), store)
    altered = changed_picture(store, as_network(record), 10, 1)
    store.save(name, altered)
    assert verified(store, capsys)[0] == 0
    assert altered.still is not None
    (store.root / altered.still.decoded.path).unlink()
    status, printed = verified(store, capsys)
    assert status == 1
    assert "neither source nor kept frame is here" in printed


# --- A sample


@pytest.mark.parametrize(
    ("count", "chosen"), [(1, [5]), (2, [2, 7]), (3, [1, 5, 8]), (10, list(range(10))), (11, list(range(10)))]
)
def test_a_sample_is_spread_evenly(count: int, chosen: Sequence[int]) -> None:
    """The middle one of each part of ten."""
    assert sample(range(10), count) == chosen


def test_a_sample_of_records_is_verified(
    in_process: None, make_cell: MakeCell, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same one each time, which the lines name; a sample of none is an error."""
    names = sorted(finish(make_cell(X264(crf=crf)), store)[0] for crf in (20, 30, 40))
    for _ in range(2):
        status, printed = verified(store, capsys, "--sample", "1")
        assert status == 0
        assert [line.split(":")[0] for line in printed.splitlines()[:-2]] == [f"same     {names[1]}"]
        assert "1 of 3 finished cells were looked at" in printed
    assert verified(store, capsys, "--sample", "0")[0] == 2


def test_an_interruption_leaves_what_was_done(
    in_process: None,
    make_cell: MakeCell,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C in the second cell."""
    for crf in (20, 30, 40):
        finish(make_cell(X264(crf=crf)), store)

    def steps() -> Iterator[Any]:
        yield verify
        raise KeyboardInterrupt

    order = steps()
    monkeypatch.setattr("bench.cli.verify.verify", lambda *args, **more: next(order)(*args, **more))
    status, printed = verified(store, capsys)
    assert status == 130
    assert printed.splitlines()[0].startswith("same ")
    assert printed.splitlines()[1].startswith("1 same, 0 drifted, 0 missing, 0 broken; 1 of 3")


# --- Encoding again


@pytest.mark.parametrize("codec", [Raw(), X264(crf=40)], ids=["raw", "x264"])
def test_standard_codecs_encode_to_the_same_bytes(
    codec: Codec,
    in_process: None,
    make_cell: MakeCell,
    store: Store,
    clip: Clip,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In scratch: the results directory stays as it is."""
    finish(make_cell(codec, clip), store)
    before = contents(store.root)
    status, printed = verified(store, capsys, "--reencode")
    assert status == 0
    assert "it is encoded to the same bytes" in printed
    assert "Encoded again: 1 same bytes." in printed
    assert contents(store.root) == before


def test_other_bytes_need_a_reason(
    in_process: None, make_cell: MakeCell, store: Store, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record names another rate factor than the stream was made with; then another version of the encoder too."""
    name, record = finish(make_cell(X264(crf=40), clip), store)
    altered = replace(record, codec=replace(record.codec, parameters=record.codec.parameters | {"crf": 30}))
    store.save(name, altered)
    status, printed = verified(store, capsys, "--reencode")
    assert status == 1
    assert "and nothing that decides them is known to differ" in printed
    assert "Encoded again: 1 other bytes." in printed
    store.save(name, replace(altered, codec=replace(altered.codec, tools={"x264": "planted"})))
    status, printed = verified(store, capsys, "--reencode")
    assert status == 0
    assert re.search("as it may be: x264 has version .*, not planted", printed)


def test_without_its_source_nothing_is_encoded_again(
    in_process: None, make_cell: MakeCell, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is said, and is nothing wrong."""
    finish(make_cell("raw"), store)
    status, printed = verified(store, capsys, "--reencode")
    assert status == 0
    assert "Encoded again: 1 not encoded." in printed


def test_what_may_change_the_bytes(raw: tuple[str, Record]) -> None:
    """Another processor changes those of no portable codec; another number of cores those of networks alone."""
    _, record = raw
    here = record.environment
    portable = replace(record, codec=replace(record.codec, portable=True))
    network = as_network(record)
    other_processor = replace(here, instruction_sets=["planted"])
    more_cores = replace(here, cores=here.cores + 1)
    assert reasons_for_other_bytes(record, Raw(), here) == []
    assert reasons_for_other_bytes(record, Raw(), other_processor) == ["this processor has other instructions"]
    assert reasons_for_other_bytes(portable, Raw(), other_processor) == []
    assert reasons_for_other_bytes(record, Raw(), more_cores) == []
    assert reasons_for_other_bytes(network, Raw(), more_cores) == [
        f"there are {here.cores + 1} cores, not {here.cores}"
    ]
    assert reasons_for_other_bytes(network, Raw(), replace(here, gpu="a GPU")) == [f"this is a GPU, not {here.cpu}"]
    assert len(reasons_for_other_bytes(replace(record, encode=None), Raw(), here)) == 1
