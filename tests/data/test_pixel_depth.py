"""Pictures of more than 8 bits, rotated pictures, and files of any name: read right, or refused."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bgan_jax.data import BadDataError, open_dataset
from bgan_jax.data.image_decoding import UndecodableError, decode_image
from bgan_jax.data.pixel_depth import UnknownRangeError

SIXTEEN = st.lists(st.integers(0, 65535), min_size=12, max_size=12).map(
    lambda values: np.asarray(values, np.uint16).reshape(3, 4)
)


def stored(image, image_format, **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, image_format, **options)
    return file.getvalue()


@given(SIXTEEN, st.sampled_from(["PNG", "TIFF", "PPM", "JPEG2000"]), st.sampled_from([1, 3]))
def test_sixteen_bits_are_scaled_to_eight(values, image_format, channels):
    options = {"no_jp2": True} if image_format == "JPEG2000" else {}
    decoded = decode_image(stored(values, image_format, **options), channels=channels)
    assert decoded.shape == (3, 4, channels)
    np.testing.assert_array_equal(decoded, np.repeat(np.rint(values / 257)[..., None], channels, axis=2))


def test_big_endian_tiff_negatives_and_transparent_levels():
    values = np.arange(0, 65536, 5461, dtype=np.uint16).reshape(1, -1)
    eight = np.rint(values / 257)
    big = stored(values.astype(">u2"), "TIFF")
    np.testing.assert_array_equal(decode_image(big, channels=1)[..., 0], eight)
    negative = stored(values, "TIFF", tiffinfo={262: 0})
    np.testing.assert_array_equal(decode_image(negative, channels=1)[..., 0], np.rint(255 - values / 257))
    found = decode_image(stored(values, "PNG", transparency=int(values[0, 3])), channels=1)[..., 0]
    np.testing.assert_array_equal(found, np.where(np.arange(values.size) == 3, 255, eight))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0, 65535]], np.int32), "32-bit integers from 0 to 65535"),
        (np.array([[-1, 3]], np.int32), "32-bit integers from -1 to 3"),
        (np.array([[0, 255]], np.float32), "floats from 0 to 255"),
        (np.array([[np.nan, 1]], np.float32), "floats from nan to nan"),
    ],
)
def test_a_range_that_cannot_be_known_is_refused_with_the_file(tmp_path, values, message):
    (tmp_path / "a.png").write_bytes(stored(np.zeros((1, 2), np.uint8), "PNG"))
    (tmp_path / "b.tiff").write_bytes(stored(values, "TIFF"))
    for options in ({}, {"resolution": 2}, {"binarization": "none"}):
        with pytest.raises(BadDataError, match=rf"b.tiff: {message}.*: convert it to 8 bits") as caught:
            open_dataset(f"images:{tmp_path}", **options)
        assert "\n" not in str(caught.value)


def test_what_can_be_known_of_32_bits_is_read():
    shades = np.array([[0, 51, 255]])
    for values in (shades.astype(np.int32), (shades / 255).astype(np.float32)):
        np.testing.assert_array_equal(decode_image(stored(values, "TIFF"), channels=1)[..., 0], shades)
    with pytest.raises(UnknownRangeError):
        decode_image(stored(shades.astype(np.float32), "TIFF"), channels=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("image_format", "dtype"),
    [("PNG", np.uint8), ("TIFF", np.uint8), ("WEBP", np.uint8), ("PNG", np.uint16), ("TIFF", np.uint16)],
)
def test_the_orientation_of_the_camera_is_applied(orientation, image_format, dtype):
    upright = (np.arange(6).reshape(2, 3) * 40 * (257 if dtype == np.uint16 else 1)).astype(dtype)
    # The picture as the sensor saw it: what the orientation's rotation turns into the upright one.
    seen = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if image_format == "WEBP" else {}
    found = decode_image(stored(np.ascontiguousarray(seen), image_format, exif=exif, **options), channels=1)
    np.testing.assert_array_equal(found[..., 0], np.arange(6).reshape(2, 3) * 40)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_exif_record_states_no_orientation():
    content = stored(np.zeros((2, 3), np.uint8), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode_image(content, channels=1).shape == (2, 3, 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_no_image(content):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff", b"P5 2 2 65535\n"):
        with contextlib.suppress(UndecodableError, UnknownRangeError):
            decode_image(start + content, channels=3)
