# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # A discrete GAN on digits, and its samples
#
# The data are handwritten digits in black and white: every pixel is a bit. Bits are discrete, so no gradient can flow
# from the discriminator through a sample into the generator, which is how most GANs learn. This one learns in another
# way: it draws several samples, the discriminator estimates how real each of them looks, and the generator makes the
# better ones more likely.
#
# Running all cells takes a few minutes on two CPU cores. They run unchanged on a GPU or TPU.

# %%
# Installs the package if it is missing, and keeps the installed jax (that of Colab matches its accelerator).
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

SOURCE = ""  # git+https://github.com/OWNER/NAME, or a folder; in a clone it may stay empty
if importlib.util.find_spec("bgan_jax") is None:
    source = SOURCE or (".." if Path("../bgan_jax/version.py").exists() else "")
    if not source:
        raise ModuleNotFoundError("bgan_jax is not installed here; set SOURCE to what pip should install it from")
    keep = [
        f"{name}=={importlib.metadata.version(name)}" for name in ("jax", "jaxlib") if importlib.util.find_spec(name)
    ]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source, *keep], check=True)

# %% [markdown]
# ## Train
#
# The digits are part of the package. `discrete_mnist.Config` contains the settings: every flag that
# `python -m experiments.discrete_mnist --helpfull` lists is a field of it. Compilation takes up to a minute; then the
# log shows the progress. The two most important numbers are:
#
# - the *bound*: how well the discriminator distinguishes real from generated digits. It rises quickly at first, and
#   should then fall slowly, as the generator learns;
# - the *effective sample size* (ESS): how many of the M = 4 samples of each latent share the weight. At 4 all samples
#   have the same weight and the generator learns nothing; at 1 a single sample has all of it and the gradient is noise.
#   Here it stays just below 4: small differences are enough.

# %%
import logging
import os
import tempfile

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments import discrete_mnist
from experiments.harness.runs import discrete
from experiments.harness.reports.report_page import write_own_page
from experiments.harness.runs.run import run
from experiments.harness.runs.start import start

logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout, force=True)
logging.getLogger("bgan_jax").setLevel(logging.INFO)

small = {"steps": 4, "batch_size": 16, "num_samples": 3} if os.environ.get("NOTEBOOK_SMALL") else {}
config = discrete_mnist.Config(
    **{"workdir": tempfile.mkdtemp(), "steps": 2400, "picture_every": 600, "checkpoint_every": 1200} | small
)
experiment, folder = start(config, discrete.prepare)
outcome = run(experiment, folder)
print(f"{outcome.seconds:.0f} s on {jax.device_count()} {jax.default_backend()} device(s)")

# %% [markdown]
# ## Samples
#
# The generator maps a *latent*, a vector of random numbers, to a probability for every pixel, and then draws the bits.
# Left: the bits. Right: the probabilities that they were drawn from. Grey means an uncertain bit: a good generator of
# sharp digits has few of them.

# %%
samples = outcome.sample(jax.random.key(0), 48)


def grid(images, columns=12):
    """Arranges images in a grid."""
    rows = images.reshape(-1, columns, 28, 28)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * 28, columns * 28)


fig, axes = plt.subplots(1, 2, figsize=(13, 2.6), layout="constrained")
for panel, images, title in zip(axes, samples, ("samples", "probabilities"), strict=True):
    panel.imshow(grid(np.asarray(images, np.float32)), cmap="gray", vmin=0, vmax=1)
    panel.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Interpolation between two latents
#
# Each row starts at one random latent and ends at another, in equal steps, and shows the probabilities. The first
# coordinate of a latent chooses one of 32 categories, which have no meaning but what is learned: digits are groups
# with nothing between them. Both ends of a row have the same category. If the rows change smoothly, the generator has
# learned spaces of digits; if they jump, it has learned single images.

# %%
from bgan_jax.sampling.interpolation import make_decoder, interpolations
from experiments.harness.runs.trained_run import load_run

trained = load_run(str(folder))
decode = make_decoder(trained.networks, trained.conditional, trained.gen_variables)
decoded = decode(*interpolations(jax.random.key(1), networks=trained.networks, num_pairs=4, num_steps=12))
plt.figure(figsize=(7, 2.6), layout="constrained")
plt.imshow(grid(decoded.probs), cmap="gray", vmin=0, vmax=1)
plt.axis("off")
plt.show()

# %% [markdown]
# ## Importance resampling
#
# The discriminator's output F(x) estimates log p/q: how much more often x occurs among real digits than among
# generated ones. So the generator's samples can be improved after training: draw 16 candidates, and keep one of them,
# chosen with a probability proportional to e^F.

# %%
from bgan_jax.sampling.importance_resampling import make_scorer, resample

score = make_scorer(trained.networks, trained.conditional, trained.disc_variables)
kept = resample(jax.random.key(0), trained.sample, score, 12 if small else 48, candidates=4 if small else 16)
print(f"effective sample size of the weights: {kept.effective_sample_size.mean():.1f}; F: {kept.logit_gain:+.2f}")
plt.figure(figsize=(7, 2.6), layout="constrained")
plt.imshow(grid(np.asarray(kept.samples.x, np.float32)), cmap="gray")
plt.axis("off")
plt.show()

# %% [markdown]
# ## The report
#
# Every run has a report on one page: the curves with explanations, the samples over time, all settings. The page is
# a single file that needs no network; you can download it and open it anywhere.

# %%
page = write_own_page(Path(folder))
print(page.name, f"{page.stat().st_size / 1e6:.1f} MB, in the folder", folder)

# %% [markdown]
# ## Beside other ways to train
#
# Seven ways to train the same networks on the same digits for the same seconds, with three seeds each: boundary
# seeking and REINFORCE, each with and without the control variate, and three that pass a gradient through relaxed
# samples. The score is that of a classifier of real digits; higher is better. `python -m experiments.equal_time` makes
# this picture.
#
# ![Score of seven ways to train against seconds of training](../docs/pictures/equal_time.png)

# %% [markdown]
# ## To try
#
# - Train with `estimator="reinforce"` in `discrete_mnist.Config`, or with another number of samples, `num_samples=16`.
#   `python -m experiments.report FOLDER FOLDER` shows both runs on one page.
# - Train for longer: `steps=9000` is the default of the command, `python -m experiments.discrete_mnist`.
# - Train on your own images: `dataset="images:FOLDER"` with `experiments.binary_images`, whose `Config` has the same
#   fields.
