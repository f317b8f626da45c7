"""EfficientNet-Lite0: its fast depthwise convolution equals the plain one, and it classifies images correctly."""

import io
import tarfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax.evaluation import efficientnet
from bgan_jax.evaluation.frozen_convolutions import FrozenConv
from bgan_jax.evaluation.torch_weights import read_torch_weights

PICTURES = Path(__file__).parents[3] / "shared" / "data" / "tiny_imagenet_20x500_jpeg64.tar.xz"
# ImageNet's classes of three of its synsets: brown bear, beacon, gorilla.
CLASSES = {"n02132136": 294, "n02814860": 437, "n02480855": 366}


@pytest.fixture(scope="module")
def layers():
    try:
        return efficientnet.load_efficientnet(efficientnet.weights_file())
    except FileNotFoundError:
        pytest.skip("the weights' package is not installed")


@pytest.mark.parametrize("length", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_the_depthwise_convolution_is_the_grouped_one(size, stride, length):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(2, length, length, 6)).astype(np.float32)
    layer = FrozenConv(generator.normal(size=(size, size, 1, 6)).astype(np.float32), np.zeros(6, np.float32))
    grouped = jax.lax.conv_general_dilated(
        inputs,
        layer.kernel,
        (stride, stride),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=6,
    )
    ours = efficientnet._depthwise(jnp.asarray(inputs), layer, stride=stride)
    np.testing.assert_allclose(ours, grouped, rtol=1e-5, atol=1e-5)


def test_every_array_of_the_file_is_used(layers):
    arrays = read_torch_weights(efficientnet.weights_file())
    convolutions = {name for name in arrays if "conv" in name}
    assert len(layers) == len(convolutions) and layers["head"].kernel.shape == (1, 1, 320, efficientnet.FEATURES)


def test_the_features_of_an_image_do_not_depend_on_its_batch(layers):
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, 64, 64, 3)).astype(np.float32)
    features = jax.jit(efficientnet.efficientnet_features)
    together, alone = features(layers, pixels), features(layers, pixels[[1, 1, 1]])
    assert together.shape == (3, 1280) and float(together.min()) >= 0.0
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not PICTURES.exists(), reason="needs pictures of ImageNet's classes")
def test_it_classifies_images_of_its_classes(layers):
    arrays = read_torch_weights(efficientnet.weights_file())
    pictures, labels = [], []
    with tarfile.open(PICTURES) as archive:
        for member in archive:
            name = member.name.split("/")[-2] if member.name.endswith(".JPEG") else ""
            if name in CLASSES and labels.count(CLASSES[name]) < 8:
                content = archive.extractfile(member).read()
                picture = Image.open(io.BytesIO(content)).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
                pictures.append(np.asarray(picture, np.float32) / 127.5 - 1.0)
                labels.append(CLASSES[name])
            if len(labels) == 24:
                break
    features = jax.jit(efficientnet.efficientnet_features)(layers, np.stack(pictures))
    predicted = np.argmax(features @ arrays["_fc.weight"].T + arrays["_fc.bias"][None], axis=1)
    # Blurred images of 64 pixels; by chance one in a thousand would be right.
    assert np.mean(predicted == np.array(labels)) > 0.4


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        efficientnet.load_efficientnet(tmp_path / "missing.pth")
