"""A whole sequence of UVG's size through everything: time and memory of each stage, and of the metrics alone.

    python benchmarks/scale.py CLIP.mp4 [--frames 600] [--folder DIR]

CLIP is any 1920x1080 video of real pictures. Its frames are repeated, each round shifted by some pixels, into
a raw sequence of 600 frames (1.9 GB; 3.7 GB as RGB), which is archived and fetched from a server on loopback,
opened, encoded by x265 ultrafast, decoded and measured, as `bench fetch` and `bench run` do. Memory is the largest
sum over all processes of resident pages that are not mapped from files, sampled every 50 ms.

Then, on decoded frames: the metrics against ffmpeg's own psnr filter, VMAF, XPSNR and SSIM alone, and MS-SSIM against
pytorch-msssim.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import py7zr
import pytorch_msssim
import torch
from machine import print_machine

from bench.measure import ms_ssim
from bench.measure.families import BY_FFMPEG
from bench.sources.file import open_file
from bench.video import ffmpeg

WIDTH, HEIGHT = 1920, 1080
FRAME_BYTES = WIDTH * HEIGHT * 3 // 2
SHIFT = 16
YUV = "Jockey_1920x1080_120fps_420_8bit_YUV.yuv"
ARCHIVE = "Jockey_1920x1080_120fps_420_8bit_YUV_RAW.7z"


def make_sequence(clip: Path, frames: int, output: Path) -> None:
    """Repeat the frames of ``clip``, shifted to the side by `SHIFT` pixels more each time."""
    command = [ffmpeg.binary(), "-v", "error", "-i", clip, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    pictures = np.frombuffer(data, np.uint8).reshape(-1, FRAME_BYTES)
    with output.open("wb") as file:
        for number in range(frames):
            round_number, index = divmod(number, len(pictures))
            luma, *chroma = np.split(pictures[index], [WIDTH * HEIGHT, WIDTH * HEIGHT * 5 // 4])
            for plane, width in ((luma, WIDTH), (chroma[0], WIDTH // 2), (chroma[1], WIDTH // 2)):
                shift = SHIFT * round_number * width // WIDTH
                file.write(np.roll(plane.reshape(-1, width), shift, 1).tobytes())


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A server on loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def watched(command: list[str], environment: dict[str, str]) -> tuple[float, float, str]:
    """Run a command: wall-clock seconds, the peak memory of its processes in MiB, and what it printed."""
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as child:
        root = psutil.Process(child.pid)
        while child.poll() is None:
            total = 0
            for process in [root, *_children(root)]:
                with contextlib.suppress(psutil.Error):
                    facts = process.memory_info()
                    total += facts.rss - facts.shared
            peak = max(peak, total)
            time.sleep(0.05)
        log.seek(0)
        said = log.read().decode(errors="replace")
    if child.returncode:
        sys.exit(f"{command} failed:\n{said}")
    return time.perf_counter() - start, peak / 2**20, said


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def through_everything(sequence: Path, folder: Path) -> None:
    """Print a row for each stage."""
    served = folder / "served"
    served.mkdir()
    with py7zr.SevenZipFile(served / ARCHIVE, "w", filters=[{"id": py7zr.FILTER_LZMA2, "preset": 1}]) as archive:
        archive.write(sequence, YUV)
    size, frames = (served / ARCHIVE).stat().st_size, sequence.stat().st_size // FRAME_BYTES
    environment = os.environ | {"BENCH_CACHE": str(folder / "cache"), "BENCH_DATA_ROOT": str(folder / "data")}
    print("| stage | seconds | memory (MiB) |\n|---|---:|---:|")
    with serve(served) as url:
        code = (
            "import sys; from bench import open_clip; from bench.datasets.uvg import FACTS; "
            "from bench.cli import main; "
            f"FACTS['archives'] = '{url}/{{name}}_1920x1080_120fps_420_8bit_YUV_RAW.7z'; "
            f"FACTS['sequences']['Jockey'] |= {{'archive_bytes': {size}, 'frames': {frames}}}; "
            "open_clip('uvg', 'Jockey') if sys.argv[1] == 'open' else sys.exit(main(sys.argv[1:]))"
        )
        program = [sys.executable, "-c", code]
        run = ["run", "--codecs", "x265[preset=ultrafast,crf=28]", "--dataset", "uvg", "--sequences", "Jockey"]
        run += ["--preset", "paper", "--results", str(folder / "results")]
        stages = {
            f"fetch: download {size / 1e6:,.0f} MB, extract, digests": ["fetch", "uvg", "Jockey"],
            "open: digest, cut, convert to RGB, digests": ["open"],
            "open again: found by content": ["open"],
            "encode (x265 ultrafast), decode, all metrics": run,
        }
        for stage, arguments in stages.items():
            seconds, mebibytes, said = watched([*program, *arguments], dict(environment))
            print(f"| {stage} | {seconds:.1f} | {mebibytes:,.0f} |", flush=True)
    print(f"\n{next(line for line in said.splitlines() if 'dB' in line)}\n")


def metrics(folder: Path) -> None:
    """Print medians of three rounds, all kinds in turn."""
    (record,) = (folder / "cache").glob("uvg-*/clip.json")
    (stream,) = (folder / "results" / "streams").iterdir()
    decoded = folder / "decoded.yuv"
    decode = [ffmpeg.binary(), "-v", "error", "-y", "-i", str(stream), "-f", "rawvideo", str(decoded)]
    clip = record.parent / "clip.yuv"
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", "120", "-i"]
    compare = [ffmpeg.binary(), "-v", "error", *raw, str(decoded), *raw, str(clip), "-lavfi", "psnr", "-f", "null", "-"]
    code = (
        "import time; from pathlib import Path; from bench.measure import ms_ssim, quality\n"
        "from bench.dataset import Clip; from bench.measure.quality import measure_quality\n"
        "from bench.files import read_json\n"
        "from bench.video.raw import RawVideo\n"
        f"folder = Path({str(record.parent)!r}); clip = read_json(folder / 'clip.json', Clip).in_folder(folder)\n"
        f"decoded = RawVideo(Path({str(decoded)!r}), clip.yuv.format)\n"
        "{}start = time.perf_counter(); measure_quality(clip, decoded); print(time.perf_counter() - start)\n"
    )

    def ours(before: str) -> float:
        done = subprocess.run([sys.executable, "-c", code.format(before)], check=True, capture_output=True, text=True)
        return float(done.stdout)

    without_ms_ssim = "ms_ssim.missing = lambda form: 'left out'\n"
    without_regions = "quality.transient_pixels = lambda *_: None\n"
    kinds: dict[str, Callable[[], float]] = {
        "ffmpeg decodes the stream": lambda: seconds_of(decode),
        "ffmpeg's psnr filter (Y, U, V)": lambda: seconds_of(compare),
        "all PSNRs (RGB with its conversion, Y, U, V)": lambda: ours(without_ms_ssim + without_regions),
        "the same, and PSNR by region": lambda: ours(without_ms_ssim),
        "the same, and MS-SSIM": lambda: ours(""),
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(3):
        for kind, measure in kinds.items():
            found[kind].append(measure())
    print("| metrics of the decoded sequence | seconds |\n|---|---:|")
    for kind, seconds in found.items():
        print(f"| {kind} | {statistics.median(seconds):.1f} |")
    by_family = (
        "from bench.measure.families import Compared, FAMILIES\n"
        "print(FAMILIES[{!r}].measure(Compared(clip, decoded, decoded)).clip)\n"
    )
    print("\n| metrics by ffmpeg, once | seconds | memory (MiB) |\n|---|---:|---:|")
    for name in BY_FFMPEG:
        measured = code.partition("{}")[0] + by_family.format(name)
        seconds, mebibytes, _ = watched([sys.executable, "-c", measured], dict(os.environ))
        print(f"| {name} | {seconds:.1f} | {mebibytes:,.0f} |", flush=True)


def seconds_of(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def similarity(clip: Path) -> None:
    """Print one frame's MS-SSIM by each way, at two sizes: medians of nine, in turn."""
    print(
        "\n| MS-SSIM of a frame | pytorch-msssim (ms) | channels-last (ms) | ours, 1 thread (ms) | ratio | difference |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for size in ("1280x720", "1920x1080"):
        width, height = map(int, size.split("x"))
        source = open_file(clip).stream.filter("scale", width, height)
        output = source.output("-", format="rawvideo", pix_fmt="rgb24", **{"frames:v": 1})
        a = np.frombuffer(ffmpeg.run(output, "Decoding a frame").stdout, np.uint8).reshape(height, width, 3)
        noise = np.random.default_rng(0).normal(0, 6, a.shape)
        b = np.clip(a + noise, 0, 255).round().astype(np.uint8)

        def by_torch(contiguous: bool, a: np.ndarray = a, b: np.ndarray = b) -> float:
            pictures = [torch.tensor(frame).permute(2, 0, 1)[None] / 255 for frame in (a, b)]
            if contiguous:
                pictures = [picture.contiguous() for picture in pictures]
            return float(pytorch_msssim.ms_ssim(*pictures, data_range=1))

        kinds = [lambda: by_torch(True), lambda: by_torch(False), lambda a=a, b=b: ms_ssim._by_rows(a, b)]
        seconds: list[list[float]] = [[], [], []]
        values = [kind() for kind in kinds]
        for _ in range(9):
            for kind, times in zip(kinds, seconds, strict=True):
                start = time.perf_counter()
                kind()
                times.append(time.perf_counter() - start)
        plain, last, rows = (1000 * statistics.median(times) for times in seconds)
        print(f"| {size} | {plain:.0f} | {last:.0f} | {rows:.0f} | {plain / rows:.1f} | {values[2] - values[0]:.1e} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--folder", type=Path, help="with 20 GB free (default: the system's for temporary files)")
    chosen = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        make_sequence(chosen.clip, chosen.frames, folder / YUV)
        through_everything(folder / YUV, folder)
        metrics(folder)
    similarity(chosen.clip)
