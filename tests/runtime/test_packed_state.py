import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bgan_jax.runtime.packed_state import checksum, difference, leaves_of, pack, unpack

LEAVES = st.one_of(
    *(
        arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        for dtype in (np.float32, np.int32, np.uint32, np.uint8, np.bool_)
    )
)


@given(tree=st.lists(LEAVES, max_size=5).map(lambda leaves: {str(i): leaf for i, leaf in enumerate(leaves)}))
def test_unpacking_restores_the_tree(tree):
    packed = pack(tree)
    assert packed.dtype == np.uint8 and packed.shape == (sum(leaf.num_bytes for leaf in leaves_of(tree)),)
    back = unpack(packed, like=tree)
    assert leaves_of(back) == leaves_of(tree)
    for leaf, original in zip(jax.tree.leaves(back), jax.tree.leaves(tree), strict=True):
        assert leaf.tobytes() == original.tobytes() and leaf.flags.writeable  # NaN is itself, too


def test_bfloat16_and_shapes_instead_of_arrays():
    tree = {"a": np.asarray(jnp.arange(3, dtype=jnp.bfloat16)), "b": np.float32(2.0)}
    back = unpack(pack(tree), like=jax.eval_shape(lambda: jax.tree.map(jnp.asarray, tree)))
    assert back["a"].dtype == jnp.bfloat16 and back["a"].astype(np.float32).tolist() == [0.0, 1.0, 2.0]
    assert back["b"].shape == () and back["b"] == 2.0


def test_the_checksum_detects_every_change():
    tree = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(3, dtype=np.int32)}
    packed, leaves = pack(tree), leaves_of(tree)
    for place in range(len(packed)):
        changed = packed.copy()
        changed[place] ^= 1
        assert checksum(changed, leaves) != checksum(packed, leaves)
    for other in (
        {"a": tree["a"].reshape(3, 2), "b": tree["b"]},
        {"a": tree["a"], "c": tree["b"]},
        {"a": tree["a"], "b": tree["b"].view(np.uint32)},
    ):
        np.testing.assert_array_equal(pack(other), packed)
        assert checksum(packed, leaves_of(other)) != checksum(packed, leaves)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"a": np.zeros(2), "b": np.zeros(3)}, None),
        ({"a": np.zeros(2)}, r"['b'] is not in it"),
        ({"a": np.zeros(2), "b": np.zeros(3), "c": np.zeros(1)}, r"['c'] is in it, and not here"),
        ({"a": np.zeros(2), "b": np.zeros(4)}, r"['b'] is float64 of shape (4,) in it, and float64 of shape (3,) here"),
    ],
)
def test_the_first_difference_is_named(other, says):
    assert difference(leaves_of(other), leaves_of({"a": np.zeros(2), "b": np.zeros(3)})) == says
