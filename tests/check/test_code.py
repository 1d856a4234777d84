"""Getting hold of another code: a commit's, or what another Python has."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bench.check import code as codes
from bench.check.code import Code, installed, of_commit, this_code
from bench.errors import UsageError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with an older commit, tagged ``before``, in place of this code's; temporary files go beside it."""
    folder = tmp_path / "checkout"
    folder.mkdir()

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Planted", "-c", "user.email=planted@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init")
    for content, tag in (("old", "before"), ("new", "after")):
        (folder / "file").write_text(content)
        git("add", "file")
        git("commit", "-m", content)
        git("tag", tag)
    monkeypatch.setattr(codes, "PACKAGE_PARENT", folder)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return folder


def test_a_commit_is_unpacked_and_goes_again(checkout: Path) -> None:
    """Its files are there while they are needed, whatever happens then; the checkout stays as it was."""
    before = sorted(path for path in checkout.rglob("*"))
    with pytest.raises(KeyboardInterrupt), of_commit("before") as code:  # noqa: PT012
        assert code.name == "before"
        assert code.folder is not None
        assert (code.folder / "file").read_text() == "old"
        raise KeyboardInterrupt
    assert not list((checkout.parent / "temporary").iterdir())
    assert sorted(path for path in checkout.rglob("*")) == before


@pytest.mark.parametrize("ref", ["absent", "--output=file", ""])
def test_there_is_no_such_commit(checkout: Path, ref: str) -> None:
    """The message names it, and what a shallow clone lacks. What looks like an option of git is none."""
    with pytest.raises(UsageError, match=f"no commit {ref}.*fetch --unshallow"), of_commit(ref):
        pass


def test_an_installed_code_has_no_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the other way."""
    monkeypatch.setattr(codes, "PACKAGE_PARENT", tmp_path)
    with pytest.raises(UsageError, match=r"no git checkout.*--against-python"), of_commit("before"):
        pass


def test_what_is_no_python_cannot_be_started(tmp_path: Path) -> None:
    """An error of ours, not the system's."""
    with pytest.raises(UsageError, match=r"Cannot start .*/absent: No such file"):
        installed(tmp_path / "absent").run(["-c", ""], tmp_path)


@pytest.mark.process
def test_each_code_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder that it works in nor Python's path puts another in its place; third parties' folders stay."""
    for name in ("first", "second"):
        (tmp_path / name / "bench").mkdir(parents=True)
        (tmp_path / name / "bench" / "__init__.py").touch()
        (tmp_path / name / "bench" / "__main__.py").touch()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "planted_codec.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "first"), "../others"]))
    monkeypatch.chdir(tmp_path / "first")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert this_code().locate(empty) == codes.PACKAGE_PARENT
    second = Code("second", Path(sys.executable), tmp_path / "second")
    assert second.locate(empty) == tmp_path / "second"
    assert second.run(["-c", "import planted_codec"], empty).returncode == 0


@pytest.mark.process
def test_paths_stay_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources and clips are found where the user's folder has them, though the code works elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", "clips")
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)
    (tmp_path / "elsewhere").mkdir()
    asked = "import os; print(os.environ['BENCH_CACHE'], os.environ['BENCH_DATA_ROOT'])"
    answer = this_code().run(["-c", asked], tmp_path / "elsewhere").stdout.decode()
    assert answer.split() == [str(tmp_path / "clips"), str(tmp_path / "data")]


@pytest.mark.process
def test_another_python_does_not_borrow_this_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has not installed the benchmark is named, though a copy of it is on the path that is handed down."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__main__.py").touch()
    (tmp_path / "bench" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    python = tmp_path / "python-bare"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no site-packages, but PYTHONPATH
    python.chmod(0o755)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"python-bare has no benchmark that can be run: .*No module named 'bench'"):
        installed(python).locate(tmp_path / "empty")
