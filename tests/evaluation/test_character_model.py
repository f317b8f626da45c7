"""The character model on sources with known entropy, and the properties of its score."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.character_model import (
    UNIFORM_SHARE,
    CharacterModelNetwork,
    bits_per_character,
    reverse_bits_per_character,
    train_character_model,
)

NUM_SYMBOLS = 4
LENGTH = 12
SIZES = {"num_symbols": NUM_SYMBOLS, "steps": 120, "batch_size": 64, "width": 16, "layers": 2}


def markov_lines(seed, num_lines, *, stay=0.8):
    """Draws lines whose symbol stays with probability ``stay`` and else changes to the next one."""
    generator = np.random.default_rng(seed)
    moves = generator.random((num_lines, LENGTH - 1)) > stay
    first = generator.integers(0, NUM_SYMBOLS, (num_lines, 1))
    return (first + np.pad(np.cumsum(moves, axis=1), ((0, 0), (1, 0)))) % NUM_SYMBOLS


def entropy_of_markov_lines(*, stay=0.8):
    """Computes the bits per character of the source itself."""
    step = -stay * math.log2(stay) - (1 - stay) * math.log2(1 - stay)
    return (math.log2(NUM_SYMBOLS) + (LENGTH - 1) * step) / LENGTH


def test_predictions_depend_on_the_past_alone_and_on_all_of_it():
    network = CharacterModelNetwork(num_symbols=NUM_SYMBOLS, width=8, layers=3)
    lines = jnp.asarray(markov_lines(0, 1))
    variables = jax.jit(network.init)(jax.random.key(0), lines)
    apply = jax.jit(network.apply)
    logits = apply(variables, lines)
    for position in range(LENGTH):
        changed = apply(variables, lines.at[0, position].set((lines[0, position] + 1) % NUM_SYMBOLS))
        moved = np.abs(np.asarray(changed - logits)).max(axis=(0, 2)) > 0
        np.testing.assert_array_equal(moved, np.arange(LENGTH) > position)


def test_the_score_of_a_model_of_the_source_is_its_entropy():
    bits = reverse_bits_per_character(
        jax.random.key(0), generated=markov_lines(0, 2000), held_out=markov_lines(1, 2000), **SIZES
    )
    entropy = entropy_of_markov_lines()
    # Less only by chance; and a fitted model of a simple source is within a few hundredths of a bit.
    assert entropy - 4 * bits.standard_error < bits.value < entropy + 0.04 + 4 * bits.standard_error


def test_uniform_noise_costs_the_logarithm_of_the_alphabet_size():
    noise = np.random.default_rng(0).integers(0, NUM_SYMBOLS, (2000, LENGTH))
    bits = reverse_bits_per_character(jax.random.key(0), generated=noise, held_out=markov_lines(1, 500), **SIZES)
    assert bits.value == pytest.approx(math.log2(NUM_SYMBOLS), abs=0.05)


def test_dropping_a_mode_costs_bits_however_good_the_rest():
    lines = markov_lines(0, 2000)
    one_mode = lines[lines[:, 0] == 0]
    whole, part = (
        reverse_bits_per_character(jax.random.key(0), generated=generated, held_out=markov_lines(1, 500), **SIZES)
        for generated in (lines, one_mode)
    )
    assert part.value > whole.value + 4 * part.standard_error


def test_the_cost_of_a_missing_symbol_is_bounded():
    model = train_character_model(
        jax.random.key(0), np.zeros((64, LENGTH), np.uint8), **{**SIZES, "learning_rate": 3e-2}
    )
    bits = bits_per_character(model, np.ones((2, LENGTH), np.uint8)).value
    price = math.log2(NUM_SYMBOLS / UNIFORM_SHARE)
    assert price - 1.0 < bits <= price
    assert bits_per_character(model, np.zeros((2, LENGTH), np.uint8)).value < 0.02


def test_the_score_does_not_depend_on_the_batch_size_and_has_the_standard_error_of_the_lines():
    model = train_character_model(jax.random.key(0), markov_lines(0, 200), **{**SIZES, "steps": 20})
    lines = markov_lines(1, 23)
    whole, pieces = bits_per_character(model, lines), bits_per_character(model, lines, batch_size=5)
    assert whole.value == pytest.approx(pieces.value, rel=1e-5)
    each = [bits_per_character(model, line[None]).value for line in lines]
    assert whole.value == pytest.approx(np.mean(each), rel=1e-5)
    assert whole.standard_error == pytest.approx(np.std(each, ddof=1) / math.sqrt(23), rel=1e-4)
    assert bits_per_character(model, lines[:1]).standard_error == math.inf


def test_the_same_key_gives_the_same_model():
    lines = markov_lines(0, 100)
    sizes = {**SIZES, "steps": 3}
    a, b, other = (train_character_model(jax.random.key(seed), lines, **sizes) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, a.variables, b.variables)
    leaves = zip(jax.tree.leaves(a.variables), jax.tree.leaves(other.variables), strict=True)
    assert any((x != y).any() for x, y in leaves)
    assert a.num_training_lines == 100


@pytest.mark.parametrize(
    ("lines", "sizes", "message"),
    [
        (np.zeros((2,), int), {}, r"\[N, L\]"),
        (np.zeros((0, 4), int), {}, "N >= 1"),
        (np.full((2, 4), NUM_SYMBOLS), {}, r"\[0, 4\)"),
        (np.zeros((2, 4)), {}, "integers"),
        (np.zeros((70, 4), int), {"steps": 0}, "steps must be at least 1"),
        (np.zeros((2, 4), int), {}, r"batch_size in 1..2 \(number of lines\)"),
    ],
)
def test_bad_lines_and_sizes_are_refused(lines, sizes, message):
    with pytest.raises(ValueError, match=message):
        train_character_model(jax.random.key(0), lines, **{**SIZES, **sizes})


def test_lines_of_another_alphabet_are_refused():
    model = train_character_model(jax.random.key(0), markov_lines(0, 64), **{**SIZES, "steps": 1})
    with pytest.raises(ValueError, match=r"\[0, 4\)"):
        bits_per_character(model, np.full((2, LENGTH), 7))


def test_an_exploding_loss_is_an_error():
    with pytest.raises(ValueError, match="lower learning_rate"):
        train_character_model(jax.random.key(0), markov_lines(0, 64), **{**SIZES, "learning_rate": 1e38, "steps": 5})
