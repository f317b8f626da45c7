"""The user's own text: cut or padded lines, and clear messages about invalid files."""

import bz2
import gzip
import json
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgan_jax.data import BadDataError, open_dataset, to_strings
from bgan_jax.data.characters import LONG_LINES, PAD, SHORT_LINES, Line, count_fitting, fit_to_length
from bgan_jax.data.readers.lines import iterate_lines

LINES = ["first line of text", "second line of text", "a", "third, shorter", "", "caf\u00e9 au lait, please"]


def strings(dataset):
    return to_strings(dataset.rows(np.arange(len(dataset))), spec=dataset.spec)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_lines_are_cut_and_short_ones_dropped(file):
    dataset = open_dataset(f"text:{file}", length=10, long_lines="cut")
    assert strings(dataset) == ["first line", "second lin", "third, sho", "caf\u00e9 au la"]
    assert dataset.characters == {"used": 40, "dropped": len("".join(LINES)) - 40}
    assert dataset.spec.vocabulary == tuple(sorted(set("".join(LINES))))
    assert dataset.spec.splits == {"train": 4, "test": 0}


def test_short_lines_are_padded_when_asked(file):
    dataset = open_dataset(f"text:{file}", length=10, short_lines="pad")
    assert strings(dataset)[:5] == ["first line", " of text``", "second lin", "e of text`", "a`````````"]
    assert "`" in dataset.spec.vocabulary


@pytest.mark.parametrize(
    ("suffix", "opener"), [(".xz", lzma.open), (".gz", gzip.open), (".bz2", bz2.open), (".any", gzip.open)]
)
def test_compressed_files_are_read_and_broken_ones_named(tmp_path, file, suffix, opener):
    path = tmp_path / f"lines.txt{suffix}"
    with opener(path, "wb") as packed:
        packed.write(file.read_bytes() * 50)
    assert len(open_dataset(f"text:{path}", length=10, long_lines="cut")) == 180
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
    with pytest.raises(
        BadDataError, match=r"latin.txt, line 2, byte 13: byte 0xe9 is not UTF-8 .*iconv -f LATIN1 -t UTF-8"
    ):
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


TEXTS = st.lists(st.text(st.sampled_from("abc\u00e9\u4e00 "), min_size=1, max_size=12), min_size=1, max_size=8)


@given(TEXTS, st.integers(1, 5), st.sampled_from(SHORT_LINES), st.sampled_from(LONG_LINES))
def test_every_character_is_in_an_example_or_counted_as_dropped(texts, length, short_lines, long_lines):
    options = {"length": length, "short_lines": short_lines, "long_lines": long_lines}
    lines = [Line(number, text) for number, text in enumerate(texts, start=1)]
    examples = [line.text for line in fit_to_length(lines, **options)]
    num_examples, characters = count_fitting(lines, **options)
    assert num_examples == len(examples) and all(len(text) == length for text in examples)
    assert characters["used"] == sum(len(text.rstrip(PAD)) for text in examples)
    assert sum(characters.values()) == sum(map(len, texts))
    if long_lines == "split" and short_lines == "pad":
        assert characters["dropped"] == 0
        padded = [text + PAD * (-len(text) % length) for text in texts]
        assert "".join(examples) == "".join(padded)


@given(TEXTS.map(lambda texts: [text for text in texts if text.strip()]), st.sampled_from(["\n", "\r\n", "\r"]),
       st.booleans(), st.booleans())  # fmt: skip
def test_any_line_end_ends_a_line(tmp_path_factory, texts, end, ends_last, mark):
    path = tmp_path_factory.getbasetemp() / "ends.txt"
    content = end.join(texts) + (end if ends_last else "")
    path.write_bytes(b"\xef\xbb\xbf" * mark + content.encode("utf-8"))
    assert list(iterate_lines(path)) == [Line(number, text) for number, text in enumerate(texts, start=1)]


def test_one_long_line_makes_many_examples(tmp_path, caplog):
    path = tmp_path / "book.txt"
    path.write_text("abcdefghij" * 100, encoding="utf-8")
    with caplog.at_level("INFO", logger="bgan_jax"):
        dataset = open_dataset(f"text:{path}", split="all")
    assert len(dataset) == 31 and "".join(strings(dataset)) == "abcdefghij" * 99 + "ab"
    assert dataset.characters == {"used": 992, "dropped": 8}
    assert "992 characters in the examples, 8 dropped" in caplog.text
    assert open_dataset(f"text:{path}", split="all").characters == dataset.characters  # From the pack.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text".encode("utf-16"), "byte 0: the text is UTF-16, not UTF-8; convert it: iconv -f UTF-16"),
        ("text".encode("utf-32"), "byte 0: the text is UTF-32"),
        ("one\ntwo\n".encode("utf-16-le"), "line 1, byte 1: byte 0x00 is not UTF-8 text; .*iconv -f UTF-16LE"),
        (b"one\rtwo\r\nthr\xe9e", "line 3, byte 12: byte 0xe9 is not UTF-8 text; .*iconv -f LATIN1"),
        (b"\xef\xbb\xbfab\n\xff", "line 2, byte 6: byte 0xff"),
        (b"PK\x03\x04.......", "a zip archive; unpack it"),
    ],
)
def test_other_encodings_are_refused_with_the_place_and_the_command(tmp_path, content, message):
    path = tmp_path / "other.txt"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=f"other.txt[,:] {message}") as caught:
        open_dataset(f"text:{path}", length=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.txt"])
def test_json_lines_need_the_field_of_the_text(tmp_path, name):
    path = tmp_path / name
    records = [{"id": number, "text": f"line {number}\r\nand more", "url": "x"} for number in range(12)]
    path.write_text("\n\n".join(map(json.dumps, records)), encoding="utf-8")
    with pytest.raises(BadDataError, match=rf"{name}: the lines are JSON .*--text_field=NAME.* text: text, url"):
        open_dataset(f"text:{path}", length=6)
    dataset = open_dataset(f"text:{path}", length=6, split="all", text_field="text")
    assert strings(dataset)[:4] == ["line 0", "and mo", "line 1", "and mo"]
    with pytest.raises(BadDataError, match=rf"{name}, line 1: no text in the field 'id'; .* text: text, url"):
        open_dataset(f"text:{path}", length=6, text_field="id")
    path.write_text('{"text": "half \\ud800"}', encoding="utf-8")
    with pytest.raises(BadDataError, match=rf"{name}, line 1: half of a surrogate pair in the field 'text'"):
        open_dataset(f"text:{path}", length=6, text_field="text")


def test_other_json_is_refused_and_braces_in_text_are_not(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps([{"text": "a"}], indent=1), encoding="utf-8")
    with pytest.raises(BadDataError, match=r"all.json: a JSON document, not text; .*jq"):
        open_dataset(f"text:{tmp_path / 'all.json'}", length=1)
    (tmp_path / "code.txt").write_text("{\n  return;\n}\n{x}", encoding="utf-8")
    assert len(open_dataset(f"text:{tmp_path / 'code.txt'}", length=3, split="all")) == 4
    with pytest.raises(BadDataError, match=r"code.txt, line 1: no JSON object; leave out text_field"):
        open_dataset(f"text:{tmp_path / 'code.txt'}", length=3, text_field="text")
