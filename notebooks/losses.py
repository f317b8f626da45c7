# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # The losses in ten minutes
#
# A GAN has two players. The *generator* makes data: its samples come from a distribution q, which should become like
# the distribution p of real data. The *discriminator* looks at one point x at a time and says a number F(x): positive
# if it takes x for real, negative if it takes x for generated.
#
# Here p and q live on five points only, so that everything can be counted. You will see what the discriminator learns
# (a bound), what its numbers are good for (weights), how a generator learns from them although its samples are
# discrete, and why F = 0 is called the boundary. Every cell takes seconds.

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
# ## Two distributions
#
# Where p is larger than q the generator makes too few points, and a good discriminator says a positive number. The
# best one says exactly F* = log p/q, the *log density ratio*. Everything below follows from this.

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
# How far is q from p? There are many answers, one for every convex function f: the *f-divergence* D_f(p‖q) =
# E_q[f(p/q)], such as the Kullback-Leibler (KL) or the Jensen-Shannon divergence. It is 0 if q = p, and larger
# otherwise. Computing it takes p/q, which nobody knows. But any F gives a lower bound of it from samples alone:
#
# V(F) = E_p[ν(F)] − E_q[f*(ν(F))] ≤ D_f(p‖q), where ν(F) = f′(e^F) and f* is the convex conjugate of f.
#
# Whatever f is, the bound is tight (equal to the divergence) at the same F* = log p/q. To see it, let F be t·F* for
# growing t: every curve has its top at t = 1, and the top is the divergence itself. (Divergences are in nats:
# logarithms to the base e.)

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
# So a discriminator that raises its bound finds log p/q, whichever divergence it uses. What differs is the way there.
# Here F is a table of five numbers that start at 0, and gradient ascent on the bound brings them to F*.


# %%
def learn(divergence):
    """Raises the bound from F = 0, and returns the largest error of F at every step."""
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
# If F = log p/q, then e^F = p/q: so many times more often should the sample have been drawn. Samples of q that are
# weighted by e^F speak for p. Among M samples, softmax(F) is each one's share of the weight. The *effective sample
# size* says how many samples the weights really use: M when all weights are equal (then they say nothing), 1 when a
# single sample takes all (then the gradient is noise).
#
# Left: weighted samples of q, whose frequencies come close to p, the black lines. Right: the share of samples in use.

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
# With few samples the weighted mean leans towards q: the estimate is biased, and the bias falls like 1/M.
#
# ## A generator that learns
#
# Most GANs send a gradient from F back through the sample into the generator. A discrete sample lets none through: a
# point is one of five, and cannot be moved a little. The boundary-seeking loss needs no such gradient. It draws M
# samples, and raises the generator's log-probability of each in proportion to its weight, softmax(F). What the
# discriminator finds too rare becomes more likely, and the rest less. Here the generator is five logits, and F is the
# exact log ratio at every step, in the place of a trained discriminator.


# %%
@jax.jit
def generator_step(key, logits):
    """One step of a generator that is five logits and has one latent."""
    drawn = jax.random.categorical(key, logits, shape=(64, 1))  # [M, N]
    ratio = jnp.log(p) - jax.nn.log_softmax(logits)  # what a perfect discriminator would say

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
# As the generator nears the data every F goes to 0. There the discriminator cannot decide: D = σ(F), its probability
# that a point is real, is 1/2. Those points are its *decision boundary*, and the generator seeks it.
#
# On continuous data, such as pictures in full colour, a gradient can flow through the sample, and seeking the boundary
# is a loss of its own: F². Its slope changes sign at F = 0, so it pulls a point back to the boundary from either side.
# The usual loss −log D always pushes towards larger F, and past the boundary.

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
