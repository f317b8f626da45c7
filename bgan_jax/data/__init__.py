"""Loading of data sets by name, and batches of them from two back-ends in the same order.

The files, in the order in which data pass through them:

* :mod:`bgan_jax.data.by_name` -- ``open_dataset``; :mod:`bgan_jax.data.catalogue` -- the data sets it knows, by name;
* :mod:`bgan_jax.data.readers` -- one file for each format; the modules that they share are:
  :mod:`~bgan_jax.data.source`, :mod:`~bgan_jax.data.own_path`, :mod:`~bgan_jax.data.image_decoding`,
  :mod:`~bgan_jax.data.pixel_depth`, :mod:`~bgan_jax.data.value_range`, :mod:`~bgan_jax.data.palette`,
  :mod:`~bgan_jax.data.characters`, :mod:`~bgan_jax.data.column_kinds`, :mod:`~bgan_jax.data.class_labels`,
  :mod:`~bgan_jax.data.binarization`,
  :mod:`~bgan_jax.data.held_out`, :mod:`~bgan_jax.data.skipped`;
* :mod:`bgan_jax.data.packing`, :mod:`~bgan_jax.data.packed_split`, :mod:`~bgan_jax.data.cache`,
  :mod:`~bgan_jax.data.cache_folder` -- the packed form, in memory and on disk;
* :mod:`bgan_jax.data.dataset`, :mod:`~bgan_jax.data.spec` -- an opened split, and the record that a run saves;
* :mod:`bgan_jax.data.order` -- which examples make the batch of a step, as a function of the seed and the step;
* :mod:`bgan_jax.data.resident`, :mod:`~bgan_jax.data.streamed` -- the two back-ends;
* :mod:`bgan_jax.data.preprocessing` -- from stored rows to inputs of the networks, and back to images and strings;
  :mod:`~bgan_jax.data.table_cells` -- back to rows of a table, whose :mod:`~bgan_jax.data.table_columns` are a record.

To add a data set that tensorflow-datasets can prepare, or whose files an existing reader reads, add a line to the
catalogue. Otherwise write a reader first: a function from a :class:`~bgan_jax.data.source.Request` to a
:class:`~bgan_jax.data.source.Source`, in its own file under ``readers/``. A source holds the location of the data, what
their packed form depends on, and a function that starts a pass over them. Packing, caching, fingerprints, both
back-ends and the command line then work without further code.
"""

from bgan_jax.data.by_name import open_dataset
from bgan_jax.data.cache_folder import default_cache_dir
from bgan_jax.data.dataset import Dataset
from bgan_jax.data.errors import BadDataError, DatasetNotFoundError, MissingExtraError
from bgan_jax.data.order import batch_indices, check_schedule, host_slice, shuffled_indices
from bgan_jax.data.preprocessing import mean_images, preprocess, to_images, to_strings
from bgan_jax.data.resident import ResidentData, aligned, choose_backend, gather, gather_labels, resident
from bgan_jax.data.spec import DatasetSpec
from bgan_jax.data.streamed import Batch, stream
from bgan_jax.data.table_cells import TableCells, to_cells, to_csv
from bgan_jax.data.table_columns import Column

__all__ = [
    "BadDataError",
    "Batch",
    "Column",
    "Dataset",
    "DatasetNotFoundError",
    "DatasetSpec",
    "MissingExtraError",
    "ResidentData",
    "TableCells",
    "aligned",
    "batch_indices",
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
    "to_cells",
    "to_csv",
    "to_images",
    "to_strings",
]
