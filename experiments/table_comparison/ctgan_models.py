"""CTGAN and TVAE of the package ``ctgan``, systems of the comparison; rows are categories, all columns discrete."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: ``sample(n)``: rows, ``[n, C]`` integers.
RowSampler = Callable[[int], np.ndarray]


def available() -> bool:
    """Returns whether ctgan is installed: ``pip install ctgan``."""
    return importlib.util.find_spec("ctgan") is not None


def fit_for(name: str, rows: np.ndarray, *, seconds: float, seed: int) -> tuple[Any, float]:
    """Trains a model of the package, with its default settings, for a number of seconds of the processor.

    It trains in epochs: short fits are thrown away to see how long one is, and then as many are taken as fit.

    Args:
      name: ``"CTGAN"`` or ``"TVAE"``.
      rows: training rows, ``[n, C]``, integers.
      seconds: of training.
      seed: of everything random.

    Returns:
      The model, and the seconds that it took.
    """
    import ctgan
    import pandas
    import torch

    table = pandas.DataFrame({str(column): rows[:, column].astype(str) for column in range(rows.shape[1])})

    def fit(epochs: int) -> tuple[Any, float]:
        torch.manual_seed(seed)
        np.random.seed(seed)
        model = getattr(ctgan, name)(epochs=epochs, **_on_cpu(getattr(ctgan, name)))
        began = time.process_time()
        model.fit(table, list(table.columns))
        return model, time.process_time() - began

    # Two fits, since the first seconds of a fit are not of its epochs; the longer one long enough that what else the
    # machine does is little beside their difference.
    one, epochs, several = fit(1)[1], 1, 0.0
    while several - one < seconds / 10:
        epochs *= 3
        several = fit(epochs)[1]
    of_epoch = (several - one) / (epochs - 1)
    return fit(max(int((seconds - (one - of_epoch)) / of_epoch), 1))


def _on_cpu(model: Any) -> dict[str, bool]:
    """Returns the argument that keeps a model off GPUs; older versions of the package call it ``cuda``."""
    names = model.__init__.__code__.co_varnames
    return {"enable_gpu": False} if "enable_gpu" in names else {"cuda": False}


def sampler_of(model: Any) -> RowSampler:
    """Returns the model's own sampler."""

    def sample(n: int) -> np.ndarray:
        table = model.sample(n)
        return np.stack([table[name].astype(int) for name in sorted(table.columns, key=int)], axis=1)

    return sample


def softmax_sampler_of(model: Any, sizes: Sequence[int], *, seed: int) -> RowSampler:
    """Returns a sampler of a TVAE that draws each category with its probability, where its own takes the likeliest.

    Args:
      model: a fitted TVAE.
      sizes: categories of every column.
      seed: of the draws.
    """
    import torch

    spans = [info[0].dim for info in model.transformer.output_info_list]
    # The package encodes the categories of a column in an order of its own.
    encoders = [info.transform for info in model.transformer._column_transform_info_list]

    def sample(n: int) -> np.ndarray:
        torch.manual_seed(seed)
        with torch.no_grad():
            logits, _ = model.decoder(torch.randn(n, model.embedding_dim))
        columns = []
        for encoder, span in zip(encoders, torch.split(logits, spans, dim=1), strict=True):
            drawn = torch.distributions.Categorical(logits=span).sample().numpy()
            texts = np.array(encoder.dummies)
            columns.append(texts[drawn].astype(int))
        found = np.stack(columns, axis=1)
        if (found >= np.array(sizes)[None]).any():
            raise ValueError("the model has drawn a category that its column does not have")
        return found

    return sample
