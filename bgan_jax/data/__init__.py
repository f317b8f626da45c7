"""Named data sets to batches: one record of what a data set is, one door, two back-ends with the same order."""

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.device_form import to_device_form, to_pictures, to_strings
from bgan_jax.data.errors import BadDataError, DatasetNotFoundError
from bgan_jax.data.opening import open_dataset
from bgan_jax.data.order import batch_positions, check_schedule, host_slice, shuffled_indices
from bgan_jax.data.resident import ResidentData, choose_backend, gather, gather_labels, resident
from bgan_jax.data.spec import DatasetSpec
from bgan_jax.data.streamed import Batch, stream

__all__ = [
    "BadDataError",
    "Batch",
    "Dataset",
    "DatasetNotFoundError",
    "DatasetSpec",
    "ResidentData",
    "batch_positions",
    "check_schedule",
    "choose_backend",
    "gather",
    "gather_labels",
    "host_slice",
    "open_dataset",
    "resident",
    "shuffled_indices",
    "stream",
    "to_device_form",
    "to_pictures",
    "to_strings",
]
