"""The user's own text: cut or padded lines, and clear messages about invalid files."""

import gzip
import lzma

import numpy as np
import pytest

from bgan_jax.data import BadDataError, open_dataset, to_strings

LINES = ["first line of text", "second line of text", "a", "third, shorter", "", "caf\u00e9 au lait, please"]


def strings(dataset):
    return to_strings(dataset.rows(np.arange(len(dataset))), spec=dataset.spec)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_lines_are_cut_and_short_ones_dropped(file):
    dataset = open_dataset(f"text:{file}", length=10)
    assert strings(dataset) == ["first line", "second lin", "third, sho", "caf\u00e9 au la"]
    assert dataset.spec.vocabulary == tuple(sorted(set("".join(LINES))))
    assert dataset.spec.splits == {"train": 4, "test": 0}


def test_short_lines_are_padded_when_asked(file):
    dataset = open_dataset(f"text:{file}", length=10, short_lines="pad")
    assert strings(dataset)[2] == "a`````````"
    assert "`" in dataset.spec.vocabulary


@pytest.mark.parametrize(("suffix", "opener"), [(".xz", lzma.open), (".gz", gzip.open)])
def test_compressed_files_are_read_and_broken_ones_named(tmp_path, file, suffix, opener):
    path = tmp_path / f"lines.txt{suffix}"
    with opener(path, "wb") as packed:
        packed.write(file.read_bytes() * 50)
    assert len(open_dataset(f"text:{path}", length=10)) == 180
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadDataError, match=rf"lines.txt{suffix}, after line \d+: truncated"):
        open_dataset(f"text:{path}", length=10)


def test_every_tenth_line_is_held_out(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(f"line {number:03}" for number in range(100)), encoding="utf-8")
    test = strings(open_dataset(f"text:{path}", split="test", length=8))
    train = strings(open_dataset(f"text:{path}", length=8))
    assert test == [f"line {number:03}" for number in range(9, 100, 10)]
    assert sorted(train + test) == [f"line {number:03}" for number in range(100)]


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"good line\ncaf\xe9 is latin-1\n")
    with pytest.raises(BadDataError, match=r"latin.txt, line 2: byte 0xe9 is not UTF-8"):
        open_dataset(f"text:{path}", length=4)


def test_a_symbol_outside_the_vocabulary_is_named(file):
    with pytest.raises(BadDataError, match=r"lines.txt, line 6: symbol 'é' is not in the vocabulary"):
        open_dataset(f"text:{file}", length=10, vocabulary=tuple("abcdefghijklmnopqrstuvwxyz, "))


def test_a_given_vocabulary_is_kept_in_its_order(file):
    vocabulary = tuple(sorted(set("".join(LINES)), reverse=True))
    dataset = open_dataset(f"text:{file}", length=10, vocabulary=vocabulary)
    assert dataset.spec.vocabulary == vocabulary
    assert strings(dataset)[0] == "first line"


@pytest.mark.parametrize("vocabulary", [("a", "a"), ("ab", "c")])
def test_a_vocabulary_of_other_than_different_characters_is_refused(file, vocabulary):
    with pytest.raises(ValueError, match="distinct single characters"):
        open_dataset(f"text:{file}", length=10, vocabulary=vocabulary)


def test_many_symbols_take_sixteen_bits(tmp_path):
    path = tmp_path / "han.txt"
    text = "".join(chr(0x4E00 + value) for value in range(400))
    path.write_text("\n".join(text[start : start + 4] for start in range(0, 400, 4)), encoding="utf-8")
    dataset = open_dataset(f"text:{path}", split="all", length=4)
    assert dataset.packed.dtype == np.uint16
    assert "".join(strings(dataset)) == text


@pytest.mark.parametrize("content", [b"", b"a\nbc\n"])
def test_a_file_without_a_line_long_enough_is_refused(tmp_path, content):
    path = tmp_path / "short.txt"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=r"short.txt: no line has 32 symbols"):
        open_dataset(f"text:{path}")
