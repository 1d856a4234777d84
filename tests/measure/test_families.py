"""VMAF, XPSNR and SSIM: their values, and that none is believed before it has proved itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import Clip, Source
from bench.measure import families
from bench.measure.families import BY_FFMPEG, FAMILIES, SSIM, VMAF0, VMAF1, XPSNR, Compared, Values
from bench.measure.proof import fault, lacking, with_families
from bench.records.record import Quality
from bench.video import colour, ffmpeg
from bench.video.raw import PixelFormat, RawVideo, VideoFormat

NOTHING = Quality({}, {})
Make = Callable[..., Clip]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes clips of four frames of moving pictures, blurred if that is asked for."""

    def make(width: int, height: int, pixel_format: PixelFormat = "yuv420p", blur: float = 0) -> Clip:
        form = VideoFormat(width, height, 4, Fraction(25), pixel_format)
        folder = tmp_path / f"{width}x{height}{pixel_format}{blur}"
        folder.mkdir()
        yuv = RawVideo(folder / "clip.yuv", form)
        source = f"testsrc2=size={width}x{height}:rate=25:duration=0.16"
        chain = f"{source},format={pixel_format}" + (f",gblur={blur}" if blur else "")
        command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", chain, "-f", "rawvideo", yuv.path]
        subprocess.run(command, check=True)
        yuv.check_size()
        rgb = colour.convert(yuv, "rgb24", folder / "clip.rgb", "bt601")
        return Clip(Source("planted", "moving", "", "", "", 4), yuv, rgb, "bt601", "", "")

    return make


def against(clip: Clip, other: Clip) -> Compared:
    """``other`` as what was decoded of ``clip``."""
    return Compared(clip, other.yuv, other.yuv)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p10le"])
def test_values_fall_with_blur(name: str, pixel_format: PixelFormat, make: Make) -> None:
    """The clip itself has the best values, and the more it is blurred the lower they are, in every frame."""
    clip = make(320, 180, pixel_format)
    best, good, bad = (
        FAMILIES[name].measure(against(clip, other))
        for other in (clip, *(make(320, 180, pixel_format, s) for s in (0.5, 2)))
    )
    assert set(best.clip) == set(best.frames) == set(FAMILIES[name].least)
    for metric in best.clip:
        assert best.clip[metric] > good.clip[metric] > bad.clip[metric]
        assert [len(values.frames[metric]) for values in (best, good, bad)] == [4, 4, 4]
        assert all(
            a > b > c for a, b, c in zip(best.frames[metric], good.frames[metric], bad.frames[metric], strict=True)
        )


def ssim_of_luma(a: RawVideo, b: RawVideo) -> float:
    """The mean over frames of the mean over all 8x8 windows, four samples apart, of SSIM (Wang et al. 2004) with the
    constants (0.01 * 255)^2 and (0.03 * 255)^2 and the variance of 63 degrees of freedom."""
    values = []
    for x, y in zip(a.read_frames(), b.read_frames(), strict=True):
        windows = [np.lib.stride_tricks.sliding_window_view(p[0].astype(float), (8, 8))[::4, ::4] for p in (x, y)]
        (mx, my), (vx, vy) = (
            [f(w, axis=(2, 3)) for w in windows] for f in (np.mean, lambda w, axis: np.var(w, axis=axis, ddof=1))
        )
        covariance = ((windows[0] - mx[..., None, None]) * (windows[1] - my[..., None, None])).sum((2, 3)) / 63
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        values.append(np.mean((2 * mx * my + c1) * (2 * covariance + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))
    return float(np.mean(values))


def test_ssim_is_the_definition(make: Make) -> None:
    """Computed anew by numpy; ffmpeg rounds to integers on the way."""
    a, b = make(64, 48), make(64, 48, blur=1)
    assert SSIM().measure(against(a, b)).clip["ssim_y"] == pytest.approx(ssim_of_luma(a.yuv, b.yuv), abs=2e-3)


def test_frames_are_compared_by_their_number(make: Make) -> None:
    """The frames of the clip in another order are another video, whatever their times."""
    clip = make(320, 180)
    frames = list(clip.yuv.read_frames())
    turned = RawVideo(clip.yuv.path.with_name("turned.yuv"), clip.yuv.format)
    turned.path.write_bytes(b"".join(plane.tobytes() for frame in [*frames[1:], frames[0]] for plane in frame))
    values = SSIM().measure(Compared(clip, turned, turned))
    assert max(values.frames["ssim_y"]) < 0.999


# --- Faults of the tools


@pytest.mark.parametrize(("width", "height"), [(318, 158), (158, 318), (214, 214), (64, 48)])
def test_vmaf_is_refused_where_it_would_crash(
    width: int, height: int, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a reason, before it starts; and if it were started, the crash would be a reason too."""
    clip = make(width, height)
    quality = with_families(NOTHING, ["vmaf_v1", "ssim"], against(clip, clip))
    assert quality.unavailable == {"vmaf_v1": f"vmaf_v1 needs 216x160 pixels or more; this clip is {clip.yuv.format}"}
    assert quality.clip["ssim_y"] == 1
    monkeypatch.setattr(VMAF1, "least_sides", (0, 0))
    quality = with_families(NOTHING, ["vmaf_v1"], against(clip, clip))
    assert "comparing the clip with itself failed: Measuring vmaf_v1: " in quality.unavailable["vmaf_v1"]


def test_the_least_size_of_vmaf_works(make: Make) -> None:
    """So that nothing is refused that would work."""
    clip = make(160, 216)
    assert with_families(NOTHING, ["vmaf_v1"], against(clip, clip)).clip == {"vmaf_v1": pytest.approx(100)}
    clip = make(32, 32)
    assert with_families(NOTHING, ["vmaf_v0"], against(clip, clip)).clip["vmaf_v0"] > 95


def test_xpsnr_of_ten_bits_is_right_at_any_width(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ffmpeg's filter is wrong, it is given eight bits, which is said; at widths that it can, all ten."""
    clip = make(180, 96, "yuv420p10le")
    quality = with_families(NOTHING, ["xpsnr"], against(clip, clip))
    assert quality.clip == {"xpsnr_y": 100, "xpsnr_u": 100, "xpsnr_v": 100}
    assert "measured in 8 bits" in quality.remarks["xpsnr_y"]
    assert with_families(NOTHING, ["xpsnr"], against(*[make(192, 96, "yuv420p10le")] * 2)).remarks == {}

    monkeypatch.setattr(XPSNR, "remark", lambda *_: None)  # as if the fault were not known
    next(clip.yuv.path.parent.glob("proof-*")).unlink()
    quality = with_families(NOTHING, ["xpsnr"], against(clip, clip))
    if quality.clip:  # the fault reads memory that may happen to hold zeros
        assert set(quality.clip.values()) == {100}
    else:
        assert "compared with itself has xpsnr_y" in quality.unavailable["xpsnr_y"]


class Planted(SSIM):
    """A metric that is as wrong as it is told."""

    own = 1.0
    count = 4
    measured = 0
    version = "1"

    def measure(self, compared: Compared) -> Values:
        """Planted values."""
        type(self).measured += 1
        return Values(
            {"ssim_y": 0.5, "ssim_yuv": 0.5}, {"ssim_y": [self.own] * self.count, "ssim_yuv": [1.0] * self.count}
        )

    def tools(self) -> dict[str, str]:
        """A planted version."""
        return {"planted": self.version}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> type[Planted]:
    """In the place of SSIM."""
    fresh = type("Fresh", (Planted,), {})
    monkeypatch.setitem(families.FAMILIES, "ssim", fresh())
    return fresh


def test_a_metric_that_fails_on_the_clip_itself_is_not_believed(planted: type[Planted], make: Make) -> None:
    """The proof is made once for a clip, and again for another version of the tool."""
    clip, decoded = make(64, 48), make(64, 48, blur=1)
    planted.own = 0.97
    quality = with_families(NOTHING, ["ssim"], against(clip, decoded))
    assert quality.clip == {}
    assert quality.unavailable["ssim_y"] == (
        "the clip compared with itself has ssim_y 0.97 in a frame; at least 1 was expected"
    )
    assert with_families(NOTHING, ["ssim"], against(clip, decoded)) == quality
    assert planted.measured == 1
    planted.own, planted.version = 1.0, "2"
    assert lacking(quality, ["ssim"], clip) == ["ssim"], "the reason is not there any more"
    quality = with_families(quality, ["ssim"], against(clip, decoded))
    assert quality.clip == {"ssim_y": 0.5, "ssim_yuv": 0.5}
    assert quality.unavailable == {}
    assert quality.tools["ssim_y"] == "planted 2"
    assert lacking(quality, ["ssim"], clip) == []


def test_a_metric_that_leaves_frames_out_is_not_believed(planted: type[Planted], make: Make) -> None:
    """As one that skips the last frames."""
    planted.count = 3
    clip = make(64, 48)
    assert fault(families.FAMILIES["ssim"], clip) == (
        "comparing the clip with itself failed: Measuring ssim_y: there are values of 3 frames; expected 4."
    )


def test_an_ffmpeg_without_the_filters(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each metric says so, and nothing fails."""
    monkeypatch.setattr(ffmpeg, "filters", lambda: frozenset())
    clip = make(64, 48)
    quality = with_families(NOTHING, BY_FFMPEG, against(clip, clip))
    assert quality.clip == {}
    assert all("has no filter" in reason for reason in quality.unavailable.values())
    assert lacking(quality, BY_FFMPEG, clip) == []


def test_means_are_those_of_libvmaf(make: Make) -> None:
    """Its own pooling, in the same log."""
    clip, decoded = make(320, 180), make(320, 180, blur=1)
    log = families.by_filter(
        against(clip, decoded),
        "libvmaf",
        "test",
        log_path="/dev/stdout",
        log_fmt="json",
        model="version=vmaf_v0.6.1:name=x",
    )
    pooled = json.loads(log.stdout)["pooled_metrics"]["x"]["mean"]
    assert VMAF0().measure(against(clip, decoded)).clip["vmaf_v0"] == pytest.approx(pooled, abs=1e-5)


def test_a_package_that_is_not_installed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra; once it is there, the metric is lacked again."""
    clip = make(64, 48)
    with monkeypatch.context() as patch:
        patch.setattr(families.importlib.util, "find_spec", lambda _: None)
        quality = with_families(NOTHING, ["ssimulacra2"], against(clip, clip))
        assert "it is in the extra `metrics`" in quality.unavailable["ssimulacra2"]
        assert lacking(quality, ["ssimulacra2"], clip) == []
    assert lacking(quality, ["ssimulacra2"], clip) == ["ssimulacra2"]
    quality = with_families(quality, ["ssimulacra2"], against(clip, clip))
    assert quality.clip["ssimulacra2"] == 100
