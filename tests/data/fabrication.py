"""Data sets as tensorflow-datasets prepares them, made from a few local examples, without network or TensorFlow.

The stock builder runs, with its real name, version, features and file formats; only its download is replaced by the
examples.
"""

import io
import pathlib
import struct

import numpy as np
from PIL import Image


def encoded(image, *, image_format="PNG"):
    """Encodes an array as an image file."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, image_format)
    return file.getvalue()


def fabricate(builder_name, splits, *, data_dir, file_format="array_record"):
    """Prepares a stock builder's data set from given examples.

    Args:
      builder_name: name in tensorflow-datasets, with the configuration if it has one.
      splits: by the split's name, its examples, each a dictionary of features.
      data_dir: folder to prepare it in.
      file_format: "array_record" or "tfrecord".
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder(builder_name, data_dir=data_dir, file_format="array_record")
    builder._split_generators = lambda *_: {split: enumerate(examples) for split, examples in splits.items()}
    builder.download_and_prepare()
    if file_format == "tfrecord":
        _rewrite_as_tfrecord(pathlib.Path(builder.data_dir))


def _rewrite_as_tfrecord(folder):
    """Rewrites the records in the other file format, which tensorflow-datasets writes only with TensorFlow."""
    from array_record.python import array_record_data_source

    for shard in folder.glob("*.array_record-*"):
        records = array_record_data_source.ArrayRecordDataSource([str(shard)])
        with open(str(shard).replace(".array_record-", ".tfrecord-"), "wb") as file:
            for number in range(len(records)):
                length = struct.pack("<Q", len(records[number]))
                file.write(length + _masked_crc(length) + records[number] + _masked_crc(records[number]))
        shard.unlink()
    description = folder / "dataset_info.json"
    description.write_text(description.read_text().replace("array_record", "tfrecord"))


def _masked_crc(content):
    """Computes the checksum of the tfrecord format: CRC-32C, rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def smooth_images(number, *, height, width, channels=3, seed=0):
    """Creates smooth coloured images, each with one dominant colour, so that order and labels can be checked."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, 256, (number, 2, 2, channels)).astype(np.uint8)
    sized = [Image.fromarray(corner.squeeze()).resize((width, height), Image.Resampling.BILINEAR) for corner in corners]
    return np.stack([np.asarray(image, np.uint8).reshape(height, width, channels) for image in sized])
