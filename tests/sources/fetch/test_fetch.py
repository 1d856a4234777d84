"""Fetching from a real server that fails in every way: no half file, a clear error, a second try that works."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from fault_server import Fault, Served
from small_uvg import ARCHIVE, DATA, HEIGHT, WHOLE, WIDTH, YUV, archive_of

from bench.cli import main
from bench.dataset import ClipWindow
from bench.datasets import uvg
from bench.errors import SourceError, StoreError, ToolError
from bench.sources.fetch.download import BLOCK

PART = f".fetching/{ARCHIVE}.part"


def fetch(root: Path) -> None:
    """The sequence that is served."""
    uvg.UVG(root).fetch(["Jockey"])


def visible(root: Path) -> set[str]:
    """The files under their final names; locks and parts are hidden ones."""
    return {path.name for path in root.iterdir() if not path.name.startswith(".")}


def leave(path: Path, data: bytes) -> None:
    """What an earlier attempt left."""
    path.parent.mkdir()
    path.write_bytes(data)


def is_complete(root: Path) -> bool:
    """Whether the sequence and its note, and nothing else, are there, whole."""
    return visible(root) == {YUV, f"{YUV}.json"} and (root / YUV).read_bytes() == DATA


def test_a_sequence_is_downloaded_extracted_and_noted(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the licence, the citation and the digests; a second time nothing is downloaded."""
    assert main(["fetch", "uvg", "Jockey", "--data-root", str(tmp_path)]) == 0
    assert is_complete(tmp_path)
    said = capsys.readouterr()
    assert "CC BY-NC" in said.out
    assert "Mercat" in said.out
    digest = hashlib.sha256(WHOLE).hexdigest()
    assert f"archive sha256 {digest} (none was published; this one is noted" in said.err
    note = json.loads((tmp_path / f"{YUV}.json").read_text())
    assert (note["archive_sha256"], note["sha256"]) == (digest, hashlib.sha256(DATA).hexdigest())
    assert note["url"] == f"{served.url}/{ARCHIVE}"

    assert main(["fetch", "uvg", "Jockey", "--data-root", str(tmp_path)]) == 0
    assert "is there" in capsys.readouterr().err
    assert served.ranges == [""]
    clip = uvg.UVG(tmp_path).open("Jockey", ClipWindow(frames=2), tmp_path / "cache")
    assert clip.source.sha256 == note["sha256"]
    assert clip.yuv.path.read_bytes() == DATA[: 2 * WIDTH * HEIGHT * 3 // 2]


def test_without_py7zr_nothing_is_downloaded(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """py7zr is optional: an error names the command that installs it. A sequence that is there needs no py7zr."""
    monkeypatch.delitem(sys.modules, "bench.sources.fetch.archive", raising=False)
    monkeypatch.setitem(sys.modules, "py7zr", None)
    with pytest.raises(ToolError, match=r"needs py7zr\. Install it with: pip install 'implicit-video-bench\[fetch\]'"):
        fetch(tmp_path)
    assert served.ranges == []
    assert visible(tmp_path) == set()
    (tmp_path / YUV).write_bytes(DATA)
    fetch(tmp_path)
    assert "is there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("drops", r"expected [\d,]+ bytes\. [\d,]+ bytes are kept; run again to go on"),
        ("lies", "are kept; run again to go on"),
        ("other length", r"the server has [\d,]+ bytes of type application/x-7z-compressed"),
        ("error page", "the server has 26 bytes of type text/html"),
        ("missing", "the server answered 404 Not Found"),
        ("endless", "the server sent more"),
        ("flips", "is not what was published|is damaged"),
    ],
)
def test_faults_leave_nothing_and_the_next_try_works(
    fault: Fault, said: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops half-way, lies, or has something else for us."""
    served.faults.add(fault)
    if fault == "flips":
        monkeypatch.setitem(uvg.FACTS["sequences"]["Jockey"], "archive_sha256", hashlib.sha256(WHOLE).hexdigest())
    with pytest.raises(SourceError, match=said) as caught:
        fetch(tmp_path)
    assert str(caught.value).startswith("uvg/Jockey: ")
    assert visible(tmp_path) == set()
    served.faults.clear()
    fetch(tmp_path)
    assert is_complete(tmp_path)


def test_a_download_goes_on_where_it_stopped(served: Served, tmp_path: Path) -> None:
    """In the same attempt and in a later one; what came before is not sent again."""
    served.faults.add("drops once")
    fetch(tmp_path)
    kept = len(WHOLE) // 2 // BLOCK * BLOCK
    assert served.ranges == ["", f"bytes={kept}-"]
    assert len(WHOLE) <= served.sent_bytes < len(WHOLE) + BLOCK
    assert is_complete(tmp_path)


def test_a_later_run_goes_on(served: Served, tmp_path: Path) -> None:
    """From the part that an earlier one left."""
    leave(tmp_path / PART, WHOLE[:1000])
    fetch(tmp_path)
    assert served.ranges == ["bytes=1000-"]
    assert is_complete(tmp_path)


@pytest.mark.parametrize("fault", ["no ranges", "no length", "unavailable once"])
def test_poor_servers_will_do(fault: Fault, served: Served, tmp_path: Path) -> None:
    """One that always begins anew, one that states no length, one that is busy at first."""
    leave(tmp_path / PART, WHOLE[:1000])
    served.faults.add(fault)
    fetch(tmp_path)
    assert is_complete(tmp_path)


def test_a_wrong_range_is_not_appended(served: Served, tmp_path: Path) -> None:
    """It would be a file of the right length with a hole in it."""
    leave(tmp_path / PART, WHOLE[:1000])
    served.faults.add("wrong range")
    with pytest.raises(SourceError, match="not from byte 1000"):
        fetch(tmp_path)
    assert (tmp_path / PART).read_bytes() == WHOLE[:1000]


def test_a_part_that_is_too_long_begins_anew(served: Served, tmp_path: Path) -> None:
    """Whatever it is."""
    leave(tmp_path / PART, bytes(len(WHOLE) + 1))
    fetch(tmp_path)
    assert served.ranges == [""]
    assert is_complete(tmp_path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"copyright.txt": DATA}, r"must hold one \.yuv file; it holds 0: copyright\.txt"),
        ({"a.yuv": DATA, "b.yuv": DATA}, r"it holds 2: a\.yuv, b\.yuv"),
        ({"a.yuv": DATA[:-1]}, r"a\.yuv has [\d,]+ bytes, expected"),
        ({"../../evil.txt": b"x", YUV: DATA}, r"'\.\./\.\./evil\.txt', which leads out of its folder"),
        ({"/tmp/evil.yuv": DATA}, "which leads out of its folder"),
        ({"C:\\evil.yuv": DATA}, "which leads out of its folder"),
    ],
)
def test_archives_of_something_else(
    files: dict[str, bytes], said: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, two, another size, or a path that climbs: refused, deleted, and downloaded anew the next time."""
    bad = plant(served, archive_of(files), monkeypatch)
    root = tmp_path / "root"
    with pytest.raises(SourceError, match=said):
        fetch(root)
    assert visible(root) == set()
    assert {path.name for path in tmp_path.iterdir()} == {"root"}
    assert not Path("/tmp/evil.yuv").exists()
    served.files[ARCHIVE] = WHOLE
    monkeypatch.setitem(uvg.FACTS["sequences"]["Jockey"], "archive_bytes", len(WHOLE))
    fetch(root)
    assert is_complete(root)
    assert bad != WHOLE


def plant(served: Served, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Serve another archive, of the length that is expected."""
    served.files[ARCHIVE] = archive
    monkeypatch.setitem(uvg.FACTS["sequences"]["Jockey"], "archive_bytes", len(archive))
    return archive


@pytest.mark.parametrize(("share", "offset"), [(0, 0), (0, 20), (0, 40), (0.5, 0), (1, -40), (1, -1)])
def test_corrupt_archives(
    share: float, offset: int, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte that is wrong anywhere, where no digest is known: the archive's own checksums notice. Its place is not
    a number of bytes, since every process makes an archive of another length."""
    position = int(share * len(WHOLE)) + offset
    plant(served, WHOLE[:position] + bytes([WHOLE[position] ^ 0x55]) + WHOLE[position + 1 :], monkeypatch)
    with pytest.raises(SourceError, match=r"uvg/Jockey: .* It was deleted; run again to download it anew"):
        fetch(tmp_path)
    assert visible(tmp_path) == set()


def test_an_archive_that_waits_is_used(served: Served, tmp_path: Path) -> None:
    """A run that was killed between download and extraction costs no second download."""
    leave(tmp_path / ".fetching" / ARCHIVE, WHOLE)
    fetch(tmp_path)
    assert served.ranges == []
    assert is_complete(tmp_path)


def test_what_was_noted_is_expected_from_then_on(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has another archive later does not go unnoticed, nor does a file that was altered."""
    fetch(tmp_path)
    (tmp_path / YUV).unlink()
    other = bytearray(DATA)
    other[5] ^= 1
    archive = archive_of({"copyright.txt": b"CC BY-NC", YUV: bytes(other)})
    plant(served, archive, monkeypatch)
    with pytest.raises(SourceError, match="is not what was published"):
        fetch(tmp_path)
    (tmp_path / YUV).write_bytes(bytes(other))
    with pytest.raises(SourceError, match=r"is not what was fetched on 20\d\d-.* Delete it and fetch it again"):
        uvg.UVG(tmp_path).open("Jockey", ClipWindow(), tmp_path / "cache")


def test_a_disk_that_is_full_beforehand(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is noticed before a byte is downloaded."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match=r"uvg/Jockey: the archive and the video need 0\.00 GiB; .* --data-root"):
        fetch(tmp_path)
    assert served.ranges == []


def test_a_disk_that_fills_up_while_downloading(served: Served, tmp_path: Path) -> None:
    """The kernel's own error, from /dev/full."""
    (tmp_path / PART).parent.mkdir()
    (tmp_path / PART).symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"cannot write to .*No space left on device.* run again to go on"):
        fetch(tmp_path)
    assert visible(tmp_path) == set()
    (tmp_path / PART).unlink()
    fetch(tmp_path)
    assert is_complete(tmp_path)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="limits a file's size by setrlimit")
def test_a_disk_that_fills_up_while_extracting(served: Served, tmp_path: Path) -> None:
    """The archive stays for the next try, half a video does not."""
    leave(tmp_path / ".fetching" / ARCHIVE, WHOLE)
    limit = len(DATA) - 1000
    done = in_process(
        tmp_path,
        f"""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        sys.exit(main(["fetch", "uvg", "Jockey"]))
        """,
    )
    assert done.returncode == 2
    assert "cannot write to" in done.stderr
    assert visible(tmp_path) == set()
    fetch(tmp_path)
    assert is_complete(tmp_path)
    assert served.ranges == []


@pytest.mark.process
def test_two_processes_fetch_once(served: Served, tmp_path: Path) -> None:
    """The second waits, and finds the sequence there."""
    code = 'sys.exit(main(["fetch", "uvg", "Jockey"]))'
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda _: in_process(tmp_path, code).returncode, range(2))
        assert list(both) == [0, 0]
    assert served.ranges == [""]
    assert is_complete(tmp_path)


@pytest.mark.process
def test_killed_while_downloading(served: Served, tmp_path: Path) -> None:
    """What has come so far is kept, under no name that anything takes for the sequence."""
    code = """
        from bench.sources.fetch import download
        download.time.sleep = lambda _: os.kill(os.getpid(), 9)
        main(["fetch", "uvg", "Jockey"])
        """
    served.faults.add("drops once")
    assert in_process(tmp_path, code).returncode == -9
    assert visible(tmp_path) == set()
    fetch(tmp_path)
    assert is_complete(tmp_path)
    assert served.sent_bytes < len(WHOLE) + BLOCK


def in_process(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code, with the small dataset in place, in a process of its own."""
    before = f"""
        import os, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from small_uvg import *
        from bench.cli import main
        from bench.datasets import uvg
        root = Path({str(root)!r})
        os.environ["BENCH_DATA_ROOT"] = str(root)
        uvg.FACTS |= {{"width": WIDTH, "height": HEIGHT, "archives": {uvg.FACTS["archives"]!r}}}
        uvg.FACTS["sequences"]["Jockey"]["archive_bytes"] = {len(WHOLE)}
        """
    whole = textwrap.dedent(before) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", whole], text=True, capture_output=True, check=False, timeout=100)


def test_a_file_of_another_size_is_not_overwritten(served: Served, tmp_path: Path) -> None:
    """Somebody put it there."""
    (tmp_path / YUV).write_bytes(b"mine")
    with pytest.raises(SourceError, match=r"has 4 bytes, expected .* Move it away"):
        fetch(tmp_path)
    assert (tmp_path / YUV).read_bytes() == b"mine"
    assert served.ranges == []


def test_what_is_not_downloaded(capsys: pytest.CaptureFixture[str]) -> None:
    """Bunny comes with the packages; a sequence must exist."""
    assert main(["fetch", "bunny"]) == 2
    assert "bunny is not downloaded by this program" in capsys.readouterr().err
    assert main(["fetch", "uvg", "Jokey"]) == 2
    assert "There is no sequence of uvg 'Jokey'. Did you mean 'Jockey'?" in capsys.readouterr().err
