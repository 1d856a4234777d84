"""What every registered dataset promises, third parties' included."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bench.dataset import Clip, ClipWindow, Dataset
from bench.errors import SourceError
from bench.registry import datasets
from bench.video import colour

CUT = ClipWindow(160, 90, 2)


@pytest.fixture(params=datasets.names())
def dataset(request: pytest.FixtureRequest) -> Dataset:
    """Each registered one."""
    return datasets.load(request.param)()


@pytest.fixture(scope="module", params=datasets.names())
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The first sequence of each dataset whose files are here, cut."""
    dataset = datasets.load(request.param)()
    first = dataset.sequences[0]
    try:
        dataset.check([first])
    except SourceError as error:
        if request.param == "bunny":
            raise
        pytest.skip(f"its files must be fetched by hand: {str(error).splitlines()[0]}")
    return dataset.open(first, CUT, tmp_path_factory.mktemp("opened"))


def test_names(dataset: Dataset) -> None:
    """A dataset is called as it is registered, and has sequences that differ."""
    assert datasets.load(dataset.name) is type(dataset)
    assert len(set(dataset.sequences)) == len(dataset.sequences) > 0


def test_what_is_missing_is_an_error_of_its_own(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without files, checking and opening agree, say which and where to get them, and leave nothing."""
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path / "nowhere"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    first = dataset.sequences[0]
    with pytest.raises(SourceError) as by_check:
        dataset.check([first])
    with pytest.raises(SourceError) as by_open:
        dataset.open(first, CUT, tmp_path / "cache")
    assert str(by_check.value) == str(by_open.value)
    assert str(by_check.value).startswith(f"{dataset.name}: ")
    assert not list(tmp_path.iterdir())


def test_clip_is_cut_as_asked(opened: Clip) -> None:
    """Size and length are those of the cut, in both colour spaces."""
    assert str(opened.yuv.format) == "2 frames of 160x90 yuv420p"
    assert str(opened.rgb.format) == "2 frames of 160x90 rgb24"
    assert opened.yuv.format.frame_rate == opened.rgb.format.frame_rate > 0
    opened.yuv.check_size()
    opened.rgb.check_size()


def test_clip_knows_its_digests(opened: Clip) -> None:
    """Records are stated apart by them."""
    assert opened.yuv_sha256 == hashlib.sha256(opened.yuv.path.read_bytes()).hexdigest()
    assert opened.rgb_sha256 == hashlib.sha256(opened.rgb.path.read_bytes()).hexdigest()


def test_rgb_is_the_yuv_converted_once(opened: Clip, tmp_path: Path) -> None:
    """By the one conversion that metrics use too, so that a lossless codec has no error."""
    assert colour.convert(opened.yuv, "rgb24", tmp_path / "a.rgb", opened.matrix).sha256() == opened.rgb_sha256


def test_clip_is_the_same_in_every_cache(opened: Clip, tmp_path: Path) -> None:
    """Opened again, elsewhere: equal but for the place."""
    dataset = datasets.load(opened.source.dataset)()
    again = dataset.open(opened.source.sequence, CUT, tmp_path)
    assert again.yuv.path.is_relative_to(tmp_path)
    assert again.in_folder(Path()) == opened.in_folder(Path())


def test_clip_states_where_it_is_from(opened: Clip) -> None:
    """What a report must print."""
    source = opened.source
    assert source.licence
    assert source.origin
    assert source.frames >= 2
    assert len(source.sha256) == 64
