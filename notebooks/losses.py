# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # The losses in ten minutes
#
# A GAN has two players. The *generator* makes data: its samples have a distribution q, which should become equal to
# the distribution p of real data. The *discriminator* maps a point x to a number F(x): positive if it classifies x as
# real, negative if it classifies x as generated.
#
# Here p and q are distributions on only five points, so that all quantities can be computed exactly. This notebook
# shows what the discriminator maximises (a bound), how its outputs are used (as weights), how a generator learns from
# them although its samples are discrete, and why F = 0 is called the boundary. Every cell takes seconds.

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
# ## Two distributions
#
# Where p is larger than q the generator makes too few points, and a good discriminator gives a positive number. The
# optimal one gives exactly F* = log p/q, the *log density ratio*. Everything below follows from this.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

from bgan_jax import losses

STEPS = 40 if os.environ.get("NOTEBOOK_SMALL") else 400

p_counts, q_counts = np.array([8, 5, 4, 2, 1]), np.array([2, 3, 4, 5, 6])
p, q = p_counts / 20, q_counts / 20  # data and generator
real_points = np.repeat(np.arange(5), p_counts)  # twenty points whose frequencies are exactly p ...
fake_points = np.repeat(np.arange(5), q_counts)  # ... and exactly q, so that means are exact expectations
optimal = jnp.log(p / q)  # F*, the log density ratio

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
left.bar(np.arange(5) - 0.2, p, 0.4, label="data p")
left.bar(np.arange(5) + 0.2, q, 0.4, label="generator q")
left.legend()
right.bar(np.arange(5), optimal, color="grey")
right.axhline(0, color="black", linewidth=1)
right.set_title("F* = log p/q; above 0: too few are made")
plt.show()

# %% [markdown]
# ## The bound
#
# How far is q from p? There are many measures, one for every convex function f: the *f-divergence* D_f(p‖q) =
# E_q[f(p/q)], such as the Kullback-Leibler (KL) or the Jensen-Shannon divergence. It is 0 if q = p, and larger
# otherwise. Its definition contains p/q, which is unknown. But any F gives a lower bound of it from samples alone:
#
# V(F) = E_p[ν(F)] − E_q[f*(ν(F))] ≤ D_f(p‖q), where ν(F) = f′(e^F) and f* is the convex conjugate of f.
#
# For every f, the bound is tight (equal to the divergence) at the same F* = log p/q. The plot shows the bound of
# F = t·F* as a function of t: every curve has its maximum at t = 1, and the maximum is the divergence itself.
# (Divergences are in nats: logarithms to the base e.)

# %%
names = ("jensen_shannon", "kl", "reverse_kl", "squared_hellinger", "pearson_chi2")
scales = jnp.linspace(0.0, 2.0, 81)
fig, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for name in names:
    bound = jax.vmap(
        lambda t, name=name: losses.variational_lower_bound(
            real_logits=t * optimal[real_points], fake_logits=t * optimal[fake_points], divergence=name
        )
    )(scales)
    divergence = float(np.sum(q * losses.DIVERGENCES[name].f(jnp.asarray(p / q))))
    np.testing.assert_allclose(bound[40], divergence, rtol=1e-5)
    assert int(jnp.argmax(bound)) == 40
    axes.plot(scales, bound / divergence, label=f"{name}: {divergence:.3f} nats")
axes.axvline(1.0, color="grey", linewidth=1)
axes.set(xlabel="t, with F = t · log p/q", ylabel="bound / divergence", ylim=(-1, 1.1))
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## Learning F
#
# So a discriminator that maximises its bound finds log p/q, whichever divergence it uses; only the path differs.
# Here F is a table of five numbers that start at 0, and gradient ascent on the bound converges to F*.


# %%
def learn(divergence):
    """Maximises the bound from F = 0, and returns the largest error of F at every step."""
    optimizer = optax.adam(0.05)

    def loss(logits):
        return losses.discriminator_loss(
            real_logits=logits[real_points], fake_logits=logits[fake_points], divergence=divergence
        )

    @jax.jit
    def step(logits, state):
        updates, state = optimizer.update(jax.grad(loss)(logits), state)
        return optax.apply_updates(logits, updates), state

    logits, errors = jnp.zeros(5), []
    state = optimizer.init(logits)
    for _ in range(STEPS):
        logits, state = step(logits, state)
        errors.append(float(jnp.abs(logits - optimal).max()))
    return errors


fig, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
for name in ("jensen_shannon", "kl", "squared_hellinger"):
    errors = learn(name)
    assert errors[-1] < 0.7 * errors[0]
    axes.semilogy(errors, label=name)
axes.set(xlabel="step", ylabel="largest |F − F*|")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## The weights
#
# If F = log p/q, then e^F = p/q: the factor by which the sample is drawn too rarely. Samples of q that are weighted by
# e^F represent p. Among M samples, softmax(F) is each one's share of the weight. The *effective sample size* is the
# number of samples that the weights effectively use: M if all weights are equal (then they contain no information), 1
# if a single sample has all the weight (then the gradient is noise).
#
# Left: weighted samples of q, whose frequencies are close to p, the black lines. Right: the effective share of samples.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
sizes = (2, 10, 100, 10_000)
for shift, num_samples in enumerate(sizes):
    drawn = jax.random.categorical(jax.random.key(0), jnp.log(q), shape=(num_samples, 400))
    weights = losses.normalized_importance_weights(optimal[drawn])  # softmax over the M samples: axis 0
    corrected = jnp.stack([jnp.sum(weights * (drawn == x), axis=0).mean() for x in range(5)])
    left.bar(np.arange(5) - 0.3 + 0.2 * shift, corrected, 0.2, label=f"M = {num_samples}")
    share = losses.effective_sample_size(optimal[drawn]) / num_samples
    right.plot(num_samples, share.mean(), "o", color=f"C{shift}")
left.plot(np.arange(5), p, "k_", markersize=24, label="p")
left.set_title("samples of q, weighted")
left.legend(fontsize=7)
right.set(xscale="log", ylim=(0, 1), xlabel="M", title="effective sample size / M")
right.axhline(1 / np.sum(p**2 / q), color="grey", linewidth=1)  # its limit, 1 / E_q[(p/q)²]
plt.show()
np.testing.assert_allclose(corrected, p, atol=5e-3)

# %% [markdown]
# With few samples the weighted mean is biased towards q; the bias is O(1/M).
#
# ## A generator that learns
#
# Most GANs send a gradient from F back through the sample into the generator. That is impossible for a discrete sample,
# which is one of five points. The boundary-seeking loss does not need this gradient. It draws M samples, and increases
# the generator's log-probability of each in proportion to its weight, softmax(F). Points that are too rare according to
# the discriminator become more likely, the others less. Here the generator is five logits, and F is the exact log ratio
# at every step, instead of a trained discriminator.


# %%
@jax.jit
def generator_step(key, logits):
    """Updates a generator that is five logits and has one latent."""
    drawn = jax.random.categorical(key, logits, shape=(64, 1))  # [M, N]
    ratio = jnp.log(p) - jax.nn.log_softmax(logits)  # F of the optimal discriminator

    def loss(logits):
        log_probs = jax.nn.log_softmax(logits)[drawn]
        return losses.importance_weighted_loss(log_probs=log_probs, fake_logits=ratio[drawn]).mean()

    ess = losses.effective_sample_size(ratio[drawn])[0]
    return logits - 0.2 * jax.grad(loss)(logits), ratio, ess


logits, history = jnp.log(q), []
for key in jax.random.split(jax.random.key(1), STEPS):
    logits, ratio, ess = generator_step(key, logits)
    history.append((ratio, ess, jnp.sum(p * ratio)))
ratios, sizes, divergences = (np.stack(values) for values in zip(*history, strict=True))

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
left.semilogy(divergences)
left.set(title="KL(p ‖ g), nats", xlabel="step")
middle.plot(sizes)
middle.axhline(64, color="grey", linewidth=1)
middle.set(title="effective sample size of M = 64", xlabel="step")
right.plot(ratios)
right.axhline(0, color="black", linewidth=1)
right.set(title="F of each point", xlabel="step")
plt.show()
assert divergences[-1] < 0.3 * divergences[0]

# %% [markdown]
# ## Why F = 0 is the boundary
#
# As the generator approaches the data, every F goes to 0. There the discriminator is undecided: D = σ(F), its
# probability that a point is real, is 1/2. Those points are its *decision boundary*, and the generator seeks it.
#
# For continuous data, such as images in full colour, a gradient can flow through the sample, and boundary seeking is
# the loss F². Its slope changes sign at F = 0, so it moves a point towards the boundary from both sides. The usual loss
# −log D always moves points towards larger F, also beyond the boundary.

# %%
line = jnp.linspace(-3, 3, 121)
fig, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
for name, loss in [
    ("boundary seeking, F²", losses.boundary_seeking_loss),
    ("non-saturating, −log D", losses.non_saturating_loss),
    ("minimax, log(1 − D)", losses.minimax_loss),
]:
    axes.plot(line, jax.vmap(jax.grad(loss))(line), label=name)
axes.axhline(0, color="black", linewidth=1)
axes.axvline(0, color="black", linewidth=1)
axes.set(xlabel="F of a generated point", ylabel="slope of its loss", ylim=(-4, 4))
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## To try
#
# - Which divergence of `losses.DIVERGENCES` finds F* in the fewest steps? Give `learn` their names.
# - Make `q_counts` more like `p_counts`, or less. What happens to the effective sample size?
# - Let the generator learn from 2 samples instead of 64. Does it still reach p?
#
# The next notebook trains a whole GAN in this way: [a discrete GAN on digits](digits.ipynb).
