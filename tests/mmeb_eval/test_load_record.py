"""What a load reads is seen: by Python, by numpy, by code in Rust, and by maps of memory; what it writes is not."""

from __future__ import annotations

import gc
import mmap
from pathlib import Path

import numpy as np
import pytest

from mmeb_eval.load_record import get_record, is_library_file, keep_record, record_load


def _names(files: dict[Path, tuple[int, int, int]]) -> set[str]:
    return {path.name for path in files}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from safetensors.numpy import save_file

    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / "w.npy", np.eye(2))
    np.savez(tmp_path / "w.npz", np.eye(2))
    save_file({"w": np.eye(2)}, tmp_path / "w.safetensors")
    for name in ("a.bin", "b.gguf", "c.yaml", "unread.bin"):
        (tmp_path / name).write_text("content")
    (tmp_path / "ck").mkdir()
    (tmp_path / "ck/config.json").write_text("{}")
    (tmp_path / "ck/model.onnx").write_text("weights")
    return tmp_path


def test_files_that_are_read_are_seen_however_they_are_read(folder: Path) -> None:
    from safetensors.numpy import load_file

    with record_load() as record:
        np.load("w.npy", mmap_mode="r")
        np.load(folder / "w.npz")["arr_0"]
        load_file("w.safetensors")
        Path("a.bin").read_bytes()
        with open("b.gguf", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ):  # noqa: PTH123
            pass
        Path("ck/config.json").read_text()
        Path("c.yaml").read_text()
    assert _names(record.files) == {
        "w.npy",
        "w.npz",
        "w.safetensors",
        "a.bin",
        "b.gguf",
        "config.json",
        "model.onnx",
        "c.yaml",
    }
    assert all(path.is_absolute() for path in record.files)
    Path("unread.bin").read_bytes()
    assert "unread.bin" not in _names(record.files)


def test_logs_locks_libraries_and_the_system_are_left_out(folder: Path) -> None:
    with record_load() as record:
        Path("log.txt").write_text("a line")
        with Path("log.txt").open("a") as log:
            log.write("another")
        Path("/etc/hostname").read_bytes()
        Path(np.__file__).read_bytes()
        Path(gc.__spec__.origin or "").exists()
    assert record.files == {}


def test_safetensors_is_as_before_after_a_load(folder: Path) -> None:
    import safetensors
    import safetensors.numpy

    before = safetensors.safe_open, vars(safetensors.numpy)["safe_open"]
    with pytest.raises(KeyError, match="stop"), record_load():
        raise KeyError("stop")
    assert (safetensors.safe_open, vars(safetensors.numpy)["safe_open"]) == before


def test_a_record_lives_as_long_as_its_embedder(folder: Path) -> None:
    class Mine:
        pass

    embedder = Mine()
    with record_load() as record:
        Path("a.bin").read_bytes()
    keep_record(embedder, record)
    assert get_record(embedder) is record
    key = id(embedder)
    del embedder
    gc.collect()
    assert key not in vars(__import__("mmeb_eval.load_record", fromlist=["_records"]))["_records"]
    assert get_record(object()).files == {}


def test_a_file_is_of_a_library_or_of_the_user(tmp_path: Path) -> None:
    assert is_library_file(Path(np.__file__))
    assert is_library_file(Path(gc.__file__)) if hasattr(gc, "__file__") else True
    assert is_library_file(Path(mmap.__file__)) if hasattr(mmap, "__file__") else True
    assert not is_library_file(tmp_path / "mine.py")
    assert not is_library_file(Path("/usr/src/app/mine.py"))
