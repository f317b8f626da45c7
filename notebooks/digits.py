# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # A discrete GAN on digits, and what it makes
#
# Binarised handwritten digits: every pixel is a bit, so no gradient can flow through a sample. The generator learns
# all the same. A few minutes on two CPU cores; on a GPU or TPU runtime the same cells, unchanged, are done much
# sooner.

# %%
# Installs the package where it is missing, and keeps the jax that is there (Colab's fits its own accelerator).
import importlib.metadata
import importlib.util
import subprocess
import sys

SOURCE = ""  # git+https://github.com/OWNER/NAME, or a folder, such as ".." in a clone
if importlib.util.find_spec("bgan_jax") is None:
    if not SOURCE:
        raise ModuleNotFoundError("bgan_jax is not installed here; write into SOURCE where pip shall take it from")
    keep = [
        f"{name}=={importlib.metadata.version(name)}" for name in ("jax", "jaxlib") if importlib.util.find_spec(name)
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", SOURCE, *keep], check=True)

# %% [markdown]
# ## Train
#
# The digits come with the package. Every flag of `python -m experiments.discrete_mnist --help` is a field of the
# config. The log says what to watch: the bound should fall slowly, and the effective sample size (ESS) stay between 1
# and M.

# %%
import logging
import os
import tempfile
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments import discrete_mnist
from experiments.harness import discrete
from experiments.harness.report_page import write_own_page
from experiments.harness.run import run, start

logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout, force=True)
logging.getLogger("bgan_jax").setLevel(logging.INFO)

small = {"steps": 4, "batch_size": 16, "num_samples": 3} if os.environ.get("NOTEBOOK_SMALL") else {}
config = discrete_mnist.Config(
    **{"workdir": tempfile.mkdtemp(), "steps": 800, "picture_every": 200, "checkpoint_every": 400} | small
)
experiment, folder = start(config, discrete.prepare)
outcome = run(experiment, folder)
print(f"{outcome.seconds:.0f} s on {jax.device_count()} {jax.default_backend()} device(s)")

# %% [markdown]
# ## Look
#
# Left: bits drawn by the generator. Right: the probabilities that they were drawn from. Grey there is doubt: a good
# generator of crisp digits has little of it.

# %%
samples = outcome.sample(jax.random.key(0), 48)


def grid(images, columns=12):
    """Pictures side by side."""
    rows = images.reshape(-1, columns, 28, 28)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * 28, columns * 28)


fig, axes = plt.subplots(1, 2, figsize=(13, 2.6), layout="constrained")
for panel, images, title in zip(axes, samples, ("samples", "probabilities"), strict=True):
    panel.imshow(grid(np.asarray(images, np.float32)), cmap="gray", vmin=0, vmax=1)
    panel.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Walk between two latents
#
# Each row starts at one latent and ends at another. If the rows change smoothly, the generator has learned a space of
# digits; if they jump, it has learned single pictures.

# %%
from bgan_jax.training.decoding import make_decoder, walks
from experiments.harness.restoring import load_run

trained = load_run(str(folder))
decode = make_decoder(trained.networks, trained.conditional, trained.gen_variables)
way = decode(*walks(jax.random.key(1), networks=trained.networks, num_walks=4, num_steps=12))
plt.figure(figsize=(7, 2.6), layout="constrained")
plt.imshow(grid(way.probs), cmap="gray", vmin=0, vmax=1)
plt.axis("off")
plt.show()

# %% [markdown]
# ## Let the discriminator choose
#
# F is an estimate of log p/q, so the generator's own samples can be drawn again in proportion to e^F: out of 16
# candidates one is kept.

# %%
from bgan_jax.training.importance_resampling import make_scorer, resample

score = make_scorer(trained.networks, trained.conditional, trained.disc_variables)
kept = resample(jax.random.key(0), trained.sample, score, 12 if small else 48, candidates=4 if small else 16)
print(f"effective sample size of the weights: {kept.effective_sample_size.mean():.1f}; F gained {kept.logit_gain:+.2f}")
plt.figure(figsize=(7, 2.6), layout="constrained")
plt.imshow(grid(np.asarray(kept.samples.x, np.float32)), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown]
# ## The report
#
# One page with the curves explained, the samples over time and every setting; download it and open it anywhere.

# %%
page = write_own_page(Path(folder))
print(page, f"{page.stat().st_size / 1e6:.1f} MB")
