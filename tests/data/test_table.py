"""``csv:FILE``: what is read, inferred, refused, held out and written again."""

import gzip
import lzma

import numpy as np
import pytest

from bgan_jax.data import BadDataError, DatasetSpec, open_dataset, to_cells, to_csv
from bgan_jax.data.readers.generated_table import LAW, draw_cells, exact_pair

ROWS = 200


def table(tmp_path, text, name="table.csv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_dataset(f"csv:{path}", split="all", cache_dir=tmp_path / "cache", **options)


def text_of(header, row, *, rows=ROWS):
    return "\n".join([header, *(row(i) for i in range(rows))]) + "\n"


def kinds(dataset):
    return {column.name: column.kind for column in dataset.spec.columns}


def written(dataset):
    return to_csv(to_cells(dataset.rows(np.arange(len(dataset))), spec=dataset.spec))


def mixed(i):
    return f"u{i},{i % 3},x{i % 2},{1.5 * i:.1f},2024-01-{1 + i % 28:02d},{'?' if i % 7 == 0 else 'ab'[i % 2]},one,{i}"


MIXED = text_of("name,small,kind,weight,day,answer,same,number", mixed)


def test_kinds_are_inferred(tmp_path):
    dataset = table(tmp_path, MIXED)
    assert kinds(dataset) == {
        "name": "dropped", "small": "category", "kind": "category", "weight": "number", "day": "date",
        "answer": "category", "same": "constant", "number": "dropped",
    }  # fmt: skip
    by_name = {column.name: column for column in dataset.spec.columns}
    assert "identifier" in by_name["name"].reason and "identifier" in by_name["number"].reason
    assert by_name["answer"].missing == "?"
    assert dataset.spec.column_sizes == (3, 2, 29, 28, 3)  # 200 rows in bins of 7
    assert DatasetSpec.from_json(dataset.to_json()) == dataset.spec


def test_rows_are_written_in_the_table_s_own_columns_order_and_types(tmp_path):
    dataset = table(tmp_path, MIXED)
    lines = written(dataset).splitlines()
    assert lines[0] == "small,kind,weight,day,answer,same"
    for i, line in enumerate(lines[1:]):
        small, kind, weight, day, answer, same = line.split(",")
        _, *expected, _ = mixed(i).split(",")
        assert [small, kind, answer, same] == [expected[0], expected[1], expected[4], expected[5]]
        assert day == expected[3]  # 28 days: a bin for each
        assert abs(float(weight) - float(expected[2])) <= 1.5 * 8  # a bin has 7 values
        assert weight.partition(".")[2] in tuple("0123456789")


def test_the_same_is_read_with_other_delimiters_line_ends_and_compression(tmp_path):
    expected = written(table(tmp_path, MIXED))
    for name, content in {
        "semicolon.csv": MIXED.replace(",", ";").encode(),
        "tab.tsv": MIXED.replace(",", "\t").encode(),
        "windows.csv": b"\xef\xbb\xbf" + MIXED.replace("\n", "\r\n").encode(),
        "old_mac.csv": MIXED.replace("\n", "\r").encode(),
        "spaces.csv": MIXED.replace(",", ", ").encode(),
        "quotes.csv": "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in MIXED.splitlines()
        ).encode(),
        "table.csv.gz": gzip.compress(MIXED.encode()),
        "table.csv.xz": lzma.compress(MIXED.encode()),
    }.items():
        assert written(table(tmp_path, content, name)) == expected, name


def test_parquet_is_read_as_the_same_table(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet

    (tmp_path / "plain.csv").write_text(MIXED)
    parsed = csv.read_csv(
        tmp_path / "plain.csv", convert_options=csv.ConvertOptions(null_values=["?"], strings_can_be_null=True)
    )
    parquet.write_table(parsed, tmp_path / "table.parquet")
    dataset = open_dataset(f"csv:{tmp_path / 'table.parquet'}", split="all", cache_dir=tmp_path / "cache")
    assert kinds(dataset) == kinds(table(tmp_path, MIXED))
    assert dataset.spec.columns[5].missing == ""
    lists = pyarrow.table({"a": [[1], [2]], "b": [1, 2]})
    parquet.write_table(lists, tmp_path / "lists.parquet")
    with pytest.raises(BadDataError, match="column 'a' is list"):
        open_dataset(f"csv:{tmp_path / 'lists.parquet'}", cache_dir=tmp_path / "cache")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(BadDataError, match="not a Parquet file"):
        open_dataset(f"csv:{tmp_path / 'broken.parquet'}", cache_dir=tmp_path / "cache")


def test_every_fifth_row_is_held_out(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(text_of("a,b", lambda i: f"{i % 10},{i % 3}", rows=30))
    train, test = (open_dataset(f"csv:{path}", split=name, cache_dir=tmp_path) for name in ("train", "test"))
    assert train.spec.splits == {"train": 24, "test": 6}
    assert test.rows(np.arange(6))[:, 0].tolist() == [4, 9, 4, 9, 4, 9]
    assert train.spec.columns == test.spec.columns
    # Shares are of the training rows: no 4 and no 9 among them.
    assert train.spec.columns[0].shares[4] == 0.0
    assert sum(train.spec.columns[1].shares) == pytest.approx(1.0, abs=1e-5)


def test_columns_can_be_given_a_kind(tmp_path):
    dataset = table(tmp_path, MIXED, columns="small:number,weight:category,kind:drop,number:number", max_categories=8)
    assert kinds(dataset) == {
        "name": "dropped", "small": "number", "kind": "dropped", "weight": "category", "day": "date",
        "answer": "category", "same": "constant", "number": "number",
    }  # fmt: skip
    weight = dataset.spec.columns[3]
    assert (weight.size, weight.other, weight.categories[-1]) == (8, True, "other")


def test_ten_thousand_categories_become_a_few_and_another(tmp_path):
    dataset = table(tmp_path, text_of("a,b", lambda i: f"v{min(i % 20_000, 10_000)},{i % 2}", rows=20_000))
    column = dataset.spec.columns[0]
    assert column.size == 64 and column.other
    assert column.categories[0] == "v10000"  # the most frequent
    assert column.shares[0] == pytest.approx(0.5, abs=1e-3)


def test_numbers_keep_spikes_gaps_and_ends(tmp_path):
    values = [0] * 100 + list(range(1000, 1100)) + [5000]
    dataset = table(tmp_path, "a,b\n" + "".join(f"{v},{i % 2}\n" for i, v in enumerate(values)), bins=10)
    column = dataset.spec.columns[0]
    assert column.bins[0] == (0.0, 0.0)
    assert column.bins[-1][1] == 5000.0
    drawn = np.array(
        [int(row[0]) for row in to_cells(np.tile(dataset.rows(np.arange(201)), (20, 1)), spec=dataset.spec).rows]
    )
    assert np.mean(drawn == 0) == pytest.approx(100 / 201)
    assert not np.any((drawn > 0) & (drawn < 1000))
    assert drawn.max() <= 5000


def test_whole_numbers_of_a_bin_are_equally_likely(tmp_path):
    dataset = table(tmp_path, text_of("a,b", lambda i: f"{i % 40},{i % 2}", rows=400), bins=4)
    assert dataset.spec.columns[0].bins == ((0.0, 9.0), (10.0, 19.0), (20.0, 29.0), (30.0, 39.0))
    drawn = [int(row[0]) for row in to_cells(np.zeros((20_000, 2), int), spec=dataset.spec).rows]
    counts = np.bincount(drawn, minlength=10)
    assert len(counts) == 10
    assert np.abs(counts - 2000).max() < 4.5 * np.sqrt(2000)


def test_codes_european_numbers_and_exponents(tmp_path):
    dataset = table(tmp_path, text_of("zip;price;tiny", lambda i: f"0{1000 + i % 50};{i},5;{i}e-7", rows=150))
    assert kinds(dataset) == {"zip": "category", "price": "number", "tiny": "number"}
    row = to_cells(dataset.rows([40]), spec=dataset.spec).rows[0]
    assert row[0] == "01040" and "," in row[1] and float(row[2]) < 1e-4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n3,4,5\n6,7\n", ["line 3", "3 fields", "2 columns", "double quotes"]),
        (b"a,b\n1,2\n3\n6,7\n", ["line 3", "1 fields"]),
        (b"a;b;c\n1;2;3\n4;5;6\n7,8,9\n", ["line 4", "1 fields", "';'"]),
        (b"a;b,c\n1;2,3\n4;5,6\n", ["line 1", "','", "';'", "2 fields", "double quotes"]),
        (b"a,b\n'1,2',x\n'1,3',y\n", ["line 2", "3 fields", "2 columns", "double quotes"]),
        (b"red,big\nblue,big\nred,small\n", ["line 1", "looks like data", "--header=no"]),
        (b"sep=;\na;b\n1;2\n3;4\n", ["line 1", "'sep='", "remove the line"]),
        (b"# from the office\na,b\n1,2\n3,4\n", ["line 1", "'# from the office'", "remove the line"]),
        (b'a,b\n1,"2\n3,4\n', ["line 2", "quote"]),
        ("a,b\n1,é\n".encode("latin-1"), ["line 2", "byte", "iconv"]),
        ("a,b\n1,2\n".encode("utf-16"), ["UTF-16", "iconv"]),
        (b"1,2\n3,4\n5,6\n", ["line 1", "looks like data", "'1'", "--header=no"]),
        (b"a,b,a\n1,2,3\n", ["line 1", "two columns are called 'a'", "rename"]),
        (b"a\n1\n2\n", ["line 1", "one field", "two columns"]),
        (b"", ["no row"]),
        (b"a,b\n", ["a header and no row"]),
        (b"a,b\n1,2\n1,2\n1,2\n", ["fewer than two columns", "constant", "rows differ"]),
    ],
)
def test_bad_files_are_refused_in_one_line_with_the_row_and_a_remedy(tmp_path, content, words):
    with pytest.raises(BadDataError) as caught:
        table(tmp_path, content)
    message = str(caught.value)
    assert "\n" not in message and "table.csv" in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": "age:number"}, "no column 'age'"),
        ({"columns": "kind:colour"}, "not one of category, number, date, drop"),
        ({"columns": "kind:number"}, r"column 'kind' is not of kind number: it has 'x0'"),
        ({"columns": "kind:date"}, r"is not of kind date: it has 'x0' \(formats: %Y-%m-%d"),
        ({"columns": "kind"}, "no column 'kind'; give NAME:KIND"),
        ({"bins": 1}, r"bins=1 must be in 2 \.\. 65,000"),
        ({"header": "maybe"}, "not one of yes, no"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        table(tmp_path, MIXED, **options)


def test_a_file_without_names_is_read_by_a_flag(tmp_path):
    dataset = table(tmp_path, b"1,x\n2,y\n1,y\n2,x\n", header="no")
    assert [column.name for column in dataset.spec.columns] == ["column1", "column2"]
    assert len(dataset) == 4
    assert len(table(tmp_path, b"1,x\n2,y\n1,y\n2,x\n", name="b.csv", header="yes")) == 3


def test_names_of_rows_without_a_name_of_their_own(tmp_path):
    text = text_of("a,b", lambda i: f'"r{i}",{i % 2},{i % 3}')
    assert kinds(table(tmp_path, text)) == {"row": "dropped", "a": "category", "b": "category"}


def test_nothing_behind_the_last_delimiter_is_no_column(tmp_path):
    expected = written(table(tmp_path, MIXED))
    assert written(table(tmp_path, MIXED.replace("\n", ",\n").replace("number,\n", "number\n"), "rows.csv")) == expected


def test_numbers_that_are_asked_for(tmp_path):
    text = text_of("zip,size,b", lambda i: f"0{1000 + i},{'Total' if i == 7 else 1.5 * i},{i % 2}")
    by_name = {column.name: column for column in table(tmp_path, text, columns="zip:number").spec.columns}
    assert by_name["zip"].kind == "number" and by_name["zip"].bins[0][0] == 1000.0
    assert "most are numbers, but 'Total' is not" in by_name["size"].reason
    for wrong in ("Total", "1e999", "inf"):
        with pytest.raises(BadDataError, match=f"column 'size' is not of kind number: it has '{wrong}'"):
            table(tmp_path, text.replace("Total", wrong), name=f"{wrong}.csv", columns="size:number")


def test_times_of_other_programs(tmp_path):
    text = text_of("when,b", lambda i: f"2024-05-06T07:{i % 60:02d}:00Z,{i % 2}")
    dataset = table(tmp_path, text, bins=100)
    assert dataset.spec.columns[0].date_format == "%Y-%m-%dT%H:%M:%SZ"
    assert written(dataset).splitlines()[1:] == text.splitlines()[1:]


def test_formulas_are_escaped_by_a_flag_only(tmp_path):
    dataset = table(tmp_path, text_of("a,b", lambda i: f"{['=1+1', '+x', '@y', 'z'][i % 4]},{[-1, 2][i % 2]}"))
    plain = to_cells(dataset.rows(np.arange(4)), spec=dataset.spec)
    assert plain.rows == [["=1+1", "-1"], ["+x", "2"], ["@y", "-1"], ["z", "2"]]
    escaped = to_cells(dataset.rows(np.arange(4)), spec=dataset.spec, escape_formulas=True)
    assert escaped.rows == [["'=1+1", "-1"], ["'+x", "2"], ["'@y", "-1"], ["z", "2"]]


def test_a_cell_with_delimiters_quotes_and_lines_comes_back(tmp_path):
    text = 'a,b\n"x, ""y""\nz",1\nw,2\n"x, ""y""\nz",2\nw,1\n'
    dataset = table(tmp_path, text)
    again = table(tmp_path, written(dataset), name="again.csv")
    assert again.spec.columns == dataset.spec.columns
    # In quotes, a second delimiter is text.
    assert table(tmp_path, b'a,b\n"1;2",3\n"4;5",6\n"1;2",6\n', name="two.csv").spec.columns[0].categories[0] == "1;2"
    assert dataset.spec.columns[0].categories == ("w", 'x, "y"\nz') or 'x, "y"\nz' in dataset.spec.columns[0].categories


def test_the_generated_table_follows_its_law():
    n = 50_000
    cells = {cell.name: cell for cell in draw_cells(n, seed=3)}
    for first, second in (("season", "transport"), ("late", "mood"), ("weather", "mood"), ("voucher", "day")):
        exact = exact_pair(first, second)
        assert exact.sum() == pytest.approx(1.0)
        counts = np.zeros(exact.shape)
        np.add.at(counts, (cells[first].codes, cells[second].codes), 1)
        z = (counts - n * exact) / np.sqrt(n * exact + 1e-9)
        assert np.abs(z).max() < 4.5
    for factor in LAW:
        np.testing.assert_allclose(factor.table.sum(axis=-1), 1.0)
    dataset = open_dataset("commute")
    assert (len(dataset), dataset.spec.kind, dataset.spec.splits) == (8000, "table", {"train": 8000, "test": 2000})
    assert dict(kinds(dataset))["minutes"] == "number"
