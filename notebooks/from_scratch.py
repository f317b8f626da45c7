# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # A boundary-seeking GAN from scratch
#
# A GAN for data made of bits, in plain JAX. The package is used only at the end, to check the code. The method in four
# sentences: a generator maps a random vector, the *latent*, to a probability for each bit, and draws M samples from
# them. A discriminator maps each sample to a number F: the larger, the more it looks like data. The generator then
# makes its own samples more likely, each in proportion to its weight, softmax(F). At the same time the discriminator
# learns to distinguish data from samples.
#
# The data are bars and stripes: images of 4 × 4 bits in which every row, or every column, is of one colour. There are
# 30 of them among 65,536 possible images, so we can count how many samples are correct, and whether all 30 occur.

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

# %%
import itertools
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

STEPS = 20 if os.environ.get("NOTEBOOK_SMALL") else 4000
N, M, LATENT, HIDDEN = 64, 16, 16, 96  # latents per step, samples per latent, sizes

lines = [np.array(bits) for bits in itertools.product((0, 1), repeat=4)]
stripes = [np.repeat(line[:, None], 4, axis=1) for line in lines]
data = np.unique(np.array([image for one in stripes for image in (one, one.T)]).reshape(-1, 16), axis=0)
data = jnp.asarray(data, jnp.float32)
assert data.shape == (30, 16)

# %% [markdown]
# ## Two small networks
#
# The generator maps a latent to 16 logits, one for each bit: σ(logit) is the probability that the bit is 1. The
# discriminator maps 16 bits to one number F, of any size and sign.


# %%
def init_network(key, sizes):
    """Draws the parameters of a network of dense layers."""
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        (jax.random.normal(key, (rows, columns)) * (2.0 / rows) ** 0.5, jnp.zeros(columns))
        for key, rows, columns in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


def apply_network(params, x):
    """Applies dense layers with leaky rectifiers between them."""
    for weights, bias in params[:-1]:
        x = jax.nn.leaky_relu(x @ weights + bias, 0.2)
    weights, bias = params[-1]
    return x @ weights + bias


def discriminator(params, x):
    """Computes F(x)."""
    return apply_network(params, x)[..., 0]


# %% [markdown]
# ## The two losses
#
# The discriminator maximises E_p[log σ(F)] + E_q[log(1 − σ(F))], as in the first GAN: p is the data, q the generator,
# and σ(F) the probability that a point is data. The optimal F is log p/q, so e^F is the factor by which a sample is
# drawn too rarely.
#
# The generator draws M samples for each latent, weights them by softmax(F) over the M, and maximises their weighted
# log-probability. No gradient passes through the sampling; the samples and their weights are constants in the loss.


# %%
def discriminator_loss(params, real, fake):
    """Computes the negative of the bound, for the divergence of the original GAN."""
    real_logits, fake_logits = discriminator(params, real), discriminator(params, fake)
    return -jnp.mean(jax.nn.log_sigmoid(real_logits)) - jnp.mean(jax.nn.log_sigmoid(-fake_logits))


def log_prob(logits, x):
    """Computes the log-probability log g(x|z) of bits: [..., 16] -> [...]."""
    return jnp.sum(x * jax.nn.log_sigmoid(logits) + (1 - x) * jax.nn.log_sigmoid(-logits), axis=-1)


def generator_loss(params, latents, x, fake_logits):
    """Computes the loss of Algorithm 1: x is [M, N, 16], fake_logits [M, N]; both are constants here."""
    logits = apply_network(params, latents)
    weights = jax.nn.softmax(fake_logits, axis=0)
    return -jnp.mean(jnp.sum(weights * log_prob(logits[None], x), axis=0))


def draw(key, gen_params, *, num_samples=M, num_latents=N):
    """Draws latents [N, LATENT], and M samples of each, [M, N, 16]."""
    latent_key, bit_key = jax.random.split(key)
    latents = jax.random.normal(latent_key, (num_latents, LATENT))
    probs = jax.nn.sigmoid(apply_network(gen_params, latents))
    x = jax.random.bernoulli(bit_key, probs[None], (num_samples, num_latents, 16)).astype(jnp.float32)
    return latents, x


# %% [markdown]
# ## One step of each, and the loop
#
# A step updates the discriminator first, then the generator. During training we count, among 2,000 samples, how many
# are bars or stripes, and how many of the 30 different images occur.

# %%
gen_optimizer, disc_optimizer = optax.adam(1e-3, b1=0.5), optax.adam(2e-3, b1=0.5)


@jax.jit
def step(key, gen, disc):
    """Updates the discriminator and then the generator; gen and disc are (params, optimiser's state)."""
    fake_key, real_key = jax.random.split(key)
    (gen_params, gen_state), (disc_params, disc_state) = gen, disc
    latents, x = draw(fake_key, gen_params)
    real = data[jax.random.randint(real_key, (N,), 0, len(data))]
    gradient = jax.grad(discriminator_loss)(disc_params, real, x[0])
    updates, disc_state = disc_optimizer.update(gradient, disc_state)
    disc_params = optax.apply_updates(disc_params, updates)
    fake_logits = discriminator(disc_params, x)
    gradient = jax.grad(generator_loss)(gen_params, latents, x, fake_logits)
    updates, gen_state = gen_optimizer.update(gradient, gen_state)
    return (optax.apply_updates(gen_params, updates), gen_state), (disc_params, disc_state)


@jax.jit
def quality(key, gen_params):
    """Computes the share of samples that are bars or stripes, and how many of the 30 occur among them."""
    _, x = draw(key, gen_params, num_samples=1, num_latents=2000)
    same = (x[0][:, None, :] == data[None]).all(axis=-1)
    return same.any(axis=-1).mean(), same.any(axis=0).sum()


gen_key, disc_key, loop_key = jax.random.split(jax.random.key(0), 3)
gen_params = init_network(gen_key, (LATENT, HIDDEN, HIDDEN, 16))
disc_params = init_network(disc_key, (16, HIDDEN, HIDDEN, 1))
gen, disc = (gen_params, gen_optimizer.init(gen_params)), (disc_params, disc_optimizer.init(disc_params))
history = [(0, *map(float, quality(loop_key, gen[0])))]
for number, key in enumerate(jax.random.split(loop_key, STEPS)):
    gen, disc = step(key, gen, disc)
    if (number + 1) % (STEPS // 20) == 0:
        history.append((number + 1, *map(float, quality(key, gen[0]))))
steps, shares, kinds = zip(*history, strict=True)
print(f"bars and stripes: {shares[0]:.1%} of the samples at first, {shares[-1]:.1%} now; {kinds[-1]:.0f} of 30 occur")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
left.plot(steps, shares, label="share of samples that are bars or stripes")
left.plot(steps, np.array(kinds) / 30, label="share of the 30 that occur")
left.set(xlabel="step", ylim=(0, 1.02))
left.legend(fontsize=8)
_, x = draw(jax.random.key(5), gen[0], num_samples=1, num_latents=40)
images = np.pad(np.asarray(x[0]).reshape(4, 10, 4, 4), ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=0.5)
right.imshow(images.transpose(0, 2, 1, 3).reshape(20, 50), cmap="gray")
right.set(title="samples", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Nearly every sample is correct, but only about half of the 30 images occur: those in one direction. The weights
# compare the samples of one latent with each other, so an image that no latent generates any more is never rewarded and
# cannot come back. This is called mode collapse. Neither smaller steps nor four times as many latents in a step helped.

# %% [markdown]
# ## Checked against the package
#
# The package has the same bound, the same weights, and a loss with the same gradient. This cell raises an error if any
# of them differs.

# %%
from bgan_jax import losses

latents, x = draw(jax.random.key(6), gen[0])
fake_logits, real_logits = discriminator(disc[0], x), discriminator(disc[0], data)
bound = losses.variational_lower_bound(real_logits=real_logits, fake_logits=fake_logits[0], divergence="gan")
np.testing.assert_allclose(-discriminator_loss(disc[0], data, x[0]), bound, rtol=1e-4, atol=1e-5)
np.testing.assert_allclose(
    jax.nn.softmax(fake_logits, axis=0), losses.normalized_importance_weights(fake_logits), rtol=1e-4, atol=1e-6
)


def package_loss(params):
    """Computes the same loss with the package."""
    log_probs = log_prob(apply_network(params, latents)[None], x)
    return losses.importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits).mean()


ours, theirs = jax.grad(generator_loss)(gen[0], latents, x, fake_logits), jax.grad(package_loss)(gen[0])
for own, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-5)
print("the bound, the weights and the gradient agree")

# %% [markdown]
# ## To try
#
# - Take the weights over the whole batch, `softmax` over both axes of `fake_logits`, or change M and N. Do more of the
#   30 images occur?
# - Give the generator more latents, or the discriminator more than one step for each step of the generator.
# - Replace bars and stripes by data of your own: any array of bits, `[examples, 16]`.
