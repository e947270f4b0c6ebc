import errno
import fcntl
import hashlib
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from detectlab.models.atomic_files import WeightsError, is_intact, one_at_a_time, replace_file
from detectlab.models.registry import WeightsFile

CONTENT = b"weights" * 1000
FILE = WeightsFile("a.weights", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_is_intact_with_missing_file_is_false(tmp_path: Path):
    assert not is_intact(tmp_path / FILE.name, FILE)


def test_is_intact_with_published_content_is_true(tmp_path: Path):
    (tmp_path / FILE.name).write_bytes(CONTENT)
    assert is_intact(tmp_path / FILE.name, FILE)


def test_is_intact_notices_a_file_swapped_after_it_was_read(tmp_path: Path):
    path = tmp_path / FILE.name
    path.write_bytes(CONTENT)
    assert is_intact(path, FILE)
    replace_file(path, lambda target: target.write(CONTENT[::-1]))
    assert not is_intact(path, FILE)


def test_replace_file_makes_folders_and_leaves_only_the_file(tmp_path: Path):
    path = tmp_path / "new" / "folder" / FILE.name
    replace_file(path, lambda target: target.write(CONTENT))
    assert path.read_bytes() == CONTENT
    assert [child.name for child in path.parent.iterdir()] == [FILE.name]


def test_replace_file_when_filling_fails_keeps_the_old_content(tmp_path: Path):
    path = tmp_path / FILE.name
    path.write_bytes(b"old")

    def fail(target):
        target.write(CONTENT)
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        replace_file(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replace_file_in_a_place_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError, match=r"Cannot write .*: Not a directory\. .*DETECTLAB_HOME"):
        replace_file(tmp_path / "file" / "folder" / FILE.name, lambda target: target.write(CONTENT))


def test_replace_file_on_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path):
    """The operating system's limit on a file's size fails a write as a full disk does."""
    code = (
        "import sys; from pathlib import Path\n"
        "from detectlab.models.atomic_files import replace_file\n"
        "replace_file(Path(sys.argv[1]), lambda target: target.write(bytes(100_000)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / FILE.name],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "WeightsError: Cannot write" in result.stderr
    assert os.strerror(errno.EFBIG) + ". Free some space" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time_with_many_threads_never_lets_two_in(tmp_path: Path):
    path, inside, most = tmp_path / FILE.name, [], []
    start = threading.Barrier(8)

    def work():
        start.wait()
        for _ in range(20):
            with one_at_a_time(path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert most == [1] * 160
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time_clears_what_a_killed_writer_left(tmp_path: Path):
    (tmp_path / f"{FILE.name}.0123456789abcdef.part").write_bytes(b"half")
    (tmp_path / f".{FILE.name}.lock").touch()
    (tmp_path / "other.weights.0123456789abcdef.part").touch()
    with one_at_a_time(tmp_path / FILE.name):
        pass
    assert [child.name for child in tmp_path.iterdir()] == ["other.weights.0123456789abcdef.part"]


def test_one_at_a_time_where_files_cannot_be_locked_leaves_other_writers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    other = tmp_path / f"{FILE.name}.0123456789abcdef.part"
    other.touch()
    with one_at_a_time(tmp_path / FILE.name):
        assert other.exists()
    assert list(tmp_path.iterdir()) == [other]


def test_one_at_a_time_frees_the_lock_though_a_forked_child_still_has_it(tmp_path: Path):
    code = """
import os, sys
from pathlib import Path
from detectlab.models.atomic_files import one_at_a_time

path = Path(sys.argv[1])
reader, writer = os.pipe()
with one_at_a_time(path):
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)  # until the parent closes its end
        os._exit(0)
    held = open(path.with_name(f".{path.name}.lock"), "rb")  # as another process waiting for it
import fcntl
fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.close(writer)
os.waitpid(child, 0)
print("free")
"""
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / FILE.name],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (result.stdout, result.stderr) == ("free\n", "")
