"""Named data sets to batches: one record of what a data set is, one door, two back-ends with the same order.

The way of the data, file by file:

* :mod:`bgan_jax.data.by_name` -- ``open_dataset``, the door; :mod:`bgan_jax.data.catalogue` -- the names behind it;
* :mod:`bgan_jax.data.readers` -- one file for each way of reading; what they share lies beside this file:
  :mod:`~bgan_jax.data.source`, :mod:`~bgan_jax.data.image_decoding`, :mod:`~bgan_jax.data.palette`,
  :mod:`~bgan_jax.data.characters`, :mod:`~bgan_jax.data.binarization`, :mod:`~bgan_jax.data.held_out`;
* :mod:`bgan_jax.data.packing`, :mod:`~bgan_jax.data.packed_split`, :mod:`~bgan_jax.data.cache` -- the packed form, in
  memory and on disk;
* :mod:`bgan_jax.data.dataset`, :mod:`~bgan_jax.data.spec` -- an opened split, and the record that a run saves;
* :mod:`bgan_jax.data.order` -- which examples make the batch of a step, from nothing but the seed and the step;
* :mod:`bgan_jax.data.resident`, :mod:`~bgan_jax.data.streamed` -- the two back-ends;
* :mod:`bgan_jax.data.preprocessing` -- from rows to what the networks take, and back to pictures and strings.

To add a data set that tensorflow-datasets can prepare, or whose files an existing reader reads, add a line to the
catalogue. Otherwise write a reader first: a function from a :class:`~bgan_jax.data.source.Request` to a
:class:`~bgan_jax.data.source.Source`, in a file of its own under ``readers/``. A source says where the data lie, what
a pack of them depends on, and how to start a pass over them; packing, caching, fingerprints, both back-ends and the
command line then work without another line.
"""

from bgan_jax.data.by_name import open_dataset
from bgan_jax.data.cache import default_cache_dir
from bgan_jax.data.dataset import Dataset
from bgan_jax.data.errors import BadDataError, DatasetNotFoundError, MissingExtraError
from bgan_jax.data.order import batch_positions, check_schedule, host_slice, shuffled_indices
from bgan_jax.data.preprocessing import mean_images, preprocess, to_images, to_strings
from bgan_jax.data.resident import ResidentData, choose_backend, gather, gather_labels, resident
from bgan_jax.data.spec import DatasetSpec
from bgan_jax.data.streamed import Batch, stream

__all__ = [
    "BadDataError",
    "Batch",
    "Dataset",
    "DatasetNotFoundError",
    "DatasetSpec",
    "MissingExtraError",
    "ResidentData",
    "batch_positions",
    "check_schedule",
    "choose_backend",
    "default_cache_dir",
    "gather",
    "gather_labels",
    "host_slice",
    "mean_images",
    "open_dataset",
    "preprocess",
    "resident",
    "shuffled_indices",
    "stream",
    "to_images",
    "to_strings",
]
