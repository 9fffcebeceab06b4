"""However a file is laid out, each record of its lists comes with its offset; a file that is no JSON is refused."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scar.annotations import json_stream
from scar.annotations.json_stream import ANY_JSON, iter_records, parse_record
from scar.errors import BadRecord, InputError

texts = st.text(max_size=8) | st.sampled_from(['}, {"id": 3', "\\", '"', "]", "{", "\u2603"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.just("id"), inner, max_size=3),
    max_leaves=12,
)
elements = st.lists(st.fixed_dictionaries({"id": values, "x": values}) | values, max_size=12)
layouts = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def listed(path: Path, *lists: str) -> dict[str, list[Any]]:
    """The records by list, each read again at its offset."""
    content = path.read_bytes()
    found: dict[str, list[Any]] = {}
    for record in iter_records(path, lists):
        text = bytes(record.text)
        assert content[record.offset : record.offset + len(text)] == text
        assert record.number == len(found.setdefault(record.list, []))
        found[record.list].append(json.loads(text))
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "file.json"


@settings(max_examples=80)
@given(values, elements, elements, layouts, st.sampled_from([8, 50, 1 << 16]))
def test_every_record_comes_whole_with_its_place(
    file: Path, other: Any, first: list[Any], second: list[Any], layout: dict[str, Any], window: int
) -> None:
    document = {"info": other, "a": first, "more": [other], "b": second}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "WINDOW_BYTES", window)
        file.write_text(json.dumps(document, **layout), encoding="utf-8")
        found = listed(file, "a", "b")
        assert found.get("a", []) == first
        assert found.get("b", []) == second
        file.write_text(json.dumps(first, **layout), encoding="utf-8-sig")
        assert listed(file).get("", []) == first


@settings(max_examples=60)
@given(elements.filter(bool), st.data())
def test_no_cut_goes_unnoticed(file: Path, content: list[Any], data: st.DataObject) -> None:
    text = json.dumps({"a": content}).encode()
    file.write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
    with pytest.raises(InputError, match=r"file\.json: (not JSON, or cut off|of another shape)"):
        list(iter_records(file, ["a"]))  # the last one may be cut: who decodes it finds that it is no JSON


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"it ends here \(byte 0\)"),
        (b"\xfd\xfe{", r"no value begins with b'.xfd"),
        (b'{"a": [1, 2] "b": []}', "expected ','"),
        (b'{"a": [1, ]}', "a list ends with a comma"),
        (b'{"a": [1]} []', "there is more after its end"),
        (b'{"a": [1], 3: 4}', "expected a key"),
        (b'{"a": 3}', r"Expected `array`, got `number` - at `\$\.a`"),
        (b'{"b": []}', "missing required field `a`"),
        (b"PK\x03\x04 and more", "a zip archive: unzip it first"),
        (b"\x1f\x8b and more", "compressed by gzip"),
        (b'{"a": [' + b"[" * 100 + b"]" * 100 + b"]}", "does not end, or is nested too deep"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"odd\.json: .*{message}"):
        listed(path, "a")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"closed\.json: Permission denied"):
        next(iter_records(tmp_path / "closed.json", ["a"]))


def test_one_long_line_takes_a_window_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    with path.open("w") as file:
        file.write('{"images": [], "annotations": [')
        for number in range(60_000):
            file.write(f'{{"id": {number}, "segmentation": [[{"1.25, " * 60}2]], "bbox": [1, 2, 3, 4]}}, ')
        file.write("{}]}")
    assert path.stat().st_size > 24_000_000
    tracemalloc.start()
    count = sum(1 for _ in iter_records(path, ["images", "annotations"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_001
    assert peak < 8 * json_stream.WINDOW_BYTES


def test_a_record_without_end_is_not_read_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", 1000)
    monkeypatch.setattr(json_stream, "MAX_RECORD_BYTES", 20_000)
    path = tmp_path / "long.json"
    path.write_text('{"a": [{"text": "' + "x" * 500_000 + '"}]}')
    with pytest.raises(InputError, match=r"a record goes on for more than 20,000 bytes"):
        listed(path, "a")


@pytest.mark.parametrize("character", ["é", "山", "\U0001f600"])
def test_characters_may_lie_across_windows_and_bad_bytes_are_found_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, character: str
) -> None:
    monkeypatch.setattr(json_stream, "WINDOW_BYTES", 50)
    for shift in range(6):
        content = [{"text": "x" * shift + character * 20, "number": number} for number in range(40)]
        path = tmp_path / f"{shift}.json"
        encoded = json.dumps(content, ensure_ascii=False).encode()
        path.write_bytes(encoded)
        assert [json.loads(bytes(record.text)) for record in iter_records(path)] == content
        for at in range(60, len(encoded), 97):
            path.write_bytes(encoded[:at] + b"\xff" + encoded[at:])
            with pytest.raises(UnicodeDecodeError) as expected:
                path.read_bytes().decode()
            with pytest.raises(InputError, match=f"not UTF-8: byte {expected.value.start} is"):
                list(iter_records(path))


def test_nan_is_null_and_bad_text_is_a_bad_record() -> None:
    assert parse_record(ANY_JSON, b'{"x": [NaN, -Infinity, 1]}', "here") == {"x": [None, None, 1]}
    for broken in (b'"\xff"', rb'"\ud800"', b"[1", b"{1: 2}"):
        with pytest.raises(BadRecord, match=r"^here: .*'malformed'"):
            parse_record(ANY_JSON, broken, "here")


def test_records_are_those_that_msgspec_reads(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    content = [
        {"image_id": number, "objects": [{"id": number, "names": ["a{"]}] * (number % 7)} for number in range(4000)
    ]
    path.write_text(json.dumps(content))
    assert [msgspec.json.decode(record.text) for record in iter_records(path)] == content
