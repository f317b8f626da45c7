"""Names, docstrings and messages are in plain technical English, and the docstring of a function begins with a verb."""

import ast
import re

import pytest

from tests.test_layers import FILES, ROOT, module_name

# Private words and idioms, with plain words to use instead. The users' flags (--judge, --judged_samples) are exempt.
BETTER = {
    r"\bknobs?\b": "flag",
    r"yardstick": "reference metric",
    r"\bcrews?\b": "seeds, or processes",
    r"\bpopulations?\b": "seeds",
    r"\bjudg(es|ed|ing|e?ment)\b(?!_samples)": "classifies, scores or evaluates",
    r"\b(a|an|the|its|own|another|trained|this|that|of|by) judge\b(?!['\"`_])": "classifier, or evaluation metric",
    r"\b(has|have|had|to|may|can|cannot) judge\b": "classify, score or evaluate",
    r"\w+_judge\(|\bjudges?_\w+\(": "classifier",
    r"_one_of_each\b": "sample_position",
    r"\bsettles?\b": "converge, or flush",
    r"\btak(e|es|ing)[_ ]turns\b|\bin turns\b": "alternate, or interleave",
    r"\b(can|could|may|to) mend\b": "a usage error",
    r"\bnobody (disturb|else|can mean|looks in)|\bnobody's\b": "uninterrupted; no other; unused",
    r"\bwishes\b": "options",
    r"\bwhat becomes of\b": "fault tolerance, or the result of",
    r"\bwhole or (not|absent)": "atomically",
    r"\bto be had\b": "unavailable",
    r"\bfor ever\b": "permanently",
    r"\banew\b": "again",
    r"\bthe very (numbers?|same)\b": "exactly the numbers",
    r"\b(go(es)?|went) on from\b": "resumes from",
    r"\bwhat (a|an|the|it|this|that|\w+s) [^.\n]{0,30}?\b(is|are) worth\b": "evaluation metrics, or the effect",
    r"\bgains? by (it|them|that)\b": "is faster with it",
    r"\b(?<!there )(is|are|was|were) no (?!(longer|more|less|worse|better)\b)(?=\w)": "is not a",
    r"\b(is|are|was|were) told\b(?! apart)|\btold (once|after|of)\b": "is logged, or receives",
    r"\brooms?\b": "subpackage, or folder",
    r"\b(one|the) door\b": "entry point",
    r"\bthe way of the\b|\bway after way\b|\bclass Way\b": "pipeline, or path",
    r"\bwalks\b": "interpolations",
    r"\bpull_back\b": "vjp",
    r"(?-i:\bclass Direction\b|\bDirection\()": "CoefficientSums",
    r"\bclass Generated\b": "GeneratorPass",
    r"\bstatistic_fn\b": "log_ratio_fn",
    r"\bspread\(|\bspread_row\b": "on_devices, or combine_seeds",
    r"\bturned\(|\bturned by quarters\b": "rotated",
    r"\bby heart\b": "memorised",
    r"\bheeds?\b": "uses",
    r"\bin the place of\b": "instead of",
    r"\btak(e|es|ing) apart\b": "measures the parts of",
    r"\bserves? (it|them|you) best\b": "suits, or is chosen for",
    r"\bwhat (a person|one) would (take|pick)\b": "what is used",
    r"\bstands? beside\b|\bbeside it stands?\b": "is next to, or is reported with",
    r"\bin the eyes of\b": "according to",
    r"\b(lest|whilst|thereof|whereof|henceforth|hitherto|heretofore|hither|thither|ere)\b": "a modern word",
}
PATTERN = re.compile("|".join(f"(?P<p{i}>{pattern})" for i, pattern in enumerate(BETTER)), re.IGNORECASE)

# Records of measurements (docs/experiments are pages made of them), of the sources of the data, and of old names.
EXEMPT = ("docs/results/", "docs/experiments/", "bgan_jax/data/embedded/", "CHANGELOG.md", "tests/test_english.py")
FOLDERS = ("bgan_jax", "experiments", "tests", "docs", "notebooks", ".")


def texts_in(folder):
    """Lists the source files and documents of a folder; of the root only those directly in it."""
    depth = "*" if folder == "." else "**/*"
    suffixes = ("py", "md", "ipynb", "toml", "yml")
    paths = [path for suffix in suffixes for path in (ROOT / folder).glob(f"{depth}.{suffix}")]
    return sorted(path for path in paths if not path.relative_to(ROOT).as_posix().startswith(EXEMPT))


def idioms_in(text):
    """Yields the line, the words and the better words of every private word or idiom."""
    better = list(BETTER.values())
    for found in PATTERN.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found[0], better[int(found.lastgroup.removeprefix("p"))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_private_words_and_idioms(folder):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {words!r}; better: {better}"
        for path in texts_in(folder)
        for line, words, better in idioms_in(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "The crew is judged anew.", "F is no log density ratio.", "A symptom is told once.", "the very numbers",
        "the same command goes on from here", "what a generator is worth", "written whole or not at all", "The rooms",
    ],
)  # fmt: skip
def test_idioms_are_found(text):
    assert next(iter(idioms_in(f"A first line.\n{text}")))[0] == 2


@pytest.mark.parametrize(
    "text",
    ["There is no GPU.", "so there is no iterator", "It is no longer needed.", "--judge --judged_samples=5"],
)
def test_plain_sentences_are_accepted(text):
    assert not list(idioms_in(text))


# First words of the docstrings of functions in the package and the experiments; add other verbs here.
VERBS = {
    "Adapts", "Adds", "Appends", "Applies", "Ascends", "Asks", "Averages", "Broadcasts", "Builds", "Changes",
    "Checks", "Chooses", "Clips", "Closes", "Combines", "Compiles", "Composes", "Composites", "Computes",
    "Concatenates", "Converts", "Convolves", "Copies", "Counts", "Creates", "Decodes", "Descends", "Describes",
    "Divides", "Draws", "Encodes", "Ends", "Evaluates", "Excludes", "Executes", "Finds", "Finishes", "Fits",
    "Flattens", "Folds", "Forks", "Formats", "Gathers", "Generates", "Groups", "Handles", "Hashes",
    "Identifies", "Imports", "Initialises", "Installs", "Interleaves", "Interpolates", "Inverts", "Joins",
    "Keeps", "Lists", "Loads", "Locks", "Logs", "Lowers", "Makes", "Maps", "Measures", "Merges", "Models",
    "Moves", "Needs", "Opens", "Packs", "Parses", "Pickles", "Prepares", "Prints", "Puts", "Raises", "Reads", "Refuses",
    "Releases", "Removes", "Renames", "Restores", "Returns", "Rotates", "Rounds", "Runs", "Samples", "Saves",
    "Scores", "Selects", "Sets", "Shifts", "Solves", "Splits", "Stacks", "Starts", "Stops", "Summarises", "Takes",
    "Trains", "Turns", "Unpacks", "Updates", "Waits", "Watches", "Wraps", "Writes", "Yields",
}  # fmt: skip


def docstrings_of(path):
    """Yields the name and docstring of every documented function of a module, except properties."""

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from visit(node.body, f"{prefix}.{node.name}")
            elif isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
                if not decorators & {"property", "cached_property"}:
                    yield f"{prefix}.{node.name}", text

    yield from visit(ast.parse(path.read_text(encoding="utf-8")).body, module_name(path))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_docstrings_of_functions_begin_with_a_sentence_and_a_verb(path):
    for name, text in docstrings_of(path):
        first_line = text.partition("\n")[0]
        assert first_line.split()[0].rstrip(",") in VERBS, f"{name}: {first_line!r} does not begin with a verb of VERBS"
        assert first_line.endswith("."), f"{name}: {first_line!r} is not a sentence that ends in a full stop"
