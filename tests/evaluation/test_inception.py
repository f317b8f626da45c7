"""The Inception network of FID equals that of pytorch-fid; random weights replace those of the user's file."""

import jax
import numpy as np
import pytest

from bgan_jax.evaluation import inception
from bgan_jax.evaluation.frozen_convolutions import FrozenConv
from tests.evaluation.test_torch_weights import archive, dictionary, tensor

_A = "1x1 64,IN 5x5_1 48,IN 5x5_2 64,48,5,5 3x3dbl_1 64,IN 3x3dbl_2 96,64,3,3 3x3dbl_3 96,96,3,3 _pool POOL,IN"
_C = (
    "1x1 192,768 7x7_1 W,768 7x7_2 W,W,1,7 7x7_3 192,W,7,1 7x7dbl_1 W,768 7x7dbl_2 W,W,7,1 7x7dbl_3 W,W,1,7 "
    "7x7dbl_4 W,W,7,1 7x7dbl_5 192,W,1,7 _pool 192,768"
)
_E = (
    "1x1 320,IN 3x3_1 384,IN 3x3_2a 384,384,1,3 3x3_2b 384,384,3,1 3x3dbl_1 448,IN 3x3dbl_2 384,448,3,3 "
    "3x3dbl_3a 384,384,1,3 3x3dbl_3b 384,384,3,1 _pool 192,IN"
)
_BLOCKS = {
    "Mixed_5b": _A.replace("IN", "192").replace("POOL", "32"),
    "Mixed_5c": _A.replace("IN", "256").replace("POOL", "64"),
    "Mixed_5d": _A.replace("IN", "288").replace("POOL", "64"),
    "Mixed_6a": "3x3 384,288,3,3 3x3dbl_1 64,288 3x3dbl_2 96,64,3,3 3x3dbl_3 96,96,3,3",
    "Mixed_6b": _C.replace("W", "128"),
    "Mixed_6c": _C.replace("W", "160"),
    "Mixed_6d": _C.replace("W", "160"),
    "Mixed_6e": _C.replace("W", "192"),
    "Mixed_7a": "3x3_1 192,768 3x3_2 320,192,3,3 7x7x3_1 192,768 7x7x3_2 192,192,1,7 7x7x3_3 192,192,7,1 "
    "7x7x3_4 192,192,3,3",
    "Mixed_7b": _E.replace("IN", "1280"),
    "Mixed_7c": _E.replace("IN", "2048"),
}  # fmt: skip
_STEM = "1a_3x3 32,3,3,3 2a_3x3 32,32,3,3 2b_3x3 64,32,3,3 3b_1x1 80,64 4a_3x3 192,80,3,3"


def shapes() -> dict[str, tuple[int, ...]]:
    """Returns (out, in, height, width) of every convolution, in PyTorch's order."""
    found = {}
    for prefix, words in [("Conv2d_", _STEM), *((f"{block}.branch", words) for block, words in _BLOCKS.items())]:
        parts = words.split()
        for name, sizes in zip(parts[::2], parts[1::2], strict=True):
            shape = tuple(map(int, sizes.split(",")))
            found[prefix + name] = shape if len(shape) == 4 else (*shape, 1, 1)
    return found


def kernels() -> dict[str, np.ndarray]:
    """Draws random kernels that preserve the scale of the activations."""
    generator = np.random.default_rng(0)
    return {
        name: (generator.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[1:]))).astype(np.float32)
        for name, shape in shapes().items()
    }


def test_it_computes_what_pytorch_fid_computes():
    layers = {
        name: FrozenConv(kernel.transpose(2, 3, 1, 0), np.full(kernel.shape[0], 0.01, np.float32))
        for name, kernel in kernels().items()
    }
    pixels = np.random.default_rng(1).uniform(-1, 1, (1, 40, 48, 3)).astype(np.float32)
    features = jax.jit(inception.inception_features)(layers, pixels)
    assert features.shape == (1, inception.FEATURES)
    # From pytorch-fid 0.3.0 with these kernels, identity normalisation and its biases at 0.01.
    golden = np.array([0.34125, 3.05013, 0.00283, 0.10912, 0.01778, 0.56570, 0.53717, 0.21758])
    np.testing.assert_allclose(features[0, ::256], golden, rtol=1e-3, atol=2e-5)


def test_a_file_of_another_network_is_refused(tmp_path):
    path = archive(
        tmp_path / "other.pth",
        dictionary(**{"fc.weight": tensor("0", shape=(6,), strides=(1,))}),
        s0=np.zeros(6, np.float32),
    )
    with pytest.raises(ValueError, match=r"other\.pth does not contain the Inception network of FID"):
        inception.load_inception(path)
