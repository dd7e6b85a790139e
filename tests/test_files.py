"""A file appears whole or not at all."""

import pytest

from keras_munet.files import replacing, sha256, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_temporary_name_keeps_the_suffix_and_folder(tmp_path):
    with replacing(tmp_path / "new" / "song.flac") as part:
        assert part.suffix == ".flac"
        assert part.is_relative_to(tmp_path / "new")
        part.write_bytes(b"x")
    assert (tmp_path / "new" / "song.flac").read_bytes() == b"x"


def test_a_folder_replaces_a_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with replacing(folder) as part:
        part.mkdir()
        (part / "new").touch()
    assert [p.name for p in folder.iterdir()] == ["new"]


def test_sha256_is_that_of_the_content(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == (  # the example of FIPS 180-4
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_json_is_readable(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n'
