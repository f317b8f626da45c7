r"""Generator losses for discrete data: they differentiate the generator's log-probabilities, not F.

Samples :math:`x_{mn} \sim g(x \mid z_n)`, m = 1..M, n = 1..N; arrays are ``[M, N]``, losses ``[N]``, and the caller
takes the mean over latents. The quantity that each function's gradient estimates:

=======================================  ==============================  ===========================  =========
function                                 weight of sample m of latent n  estimates the gradient of    bias
=======================================  ==============================  ===========================  =========
``importance_weighted_loss``             softmax over m                  E_z KL(p~(x|z) || g(x|z))    O(1/M)
``centered_importance_weighted_loss``    softmax over m, minus 1/M       the same, lower variance     the same
``controlled_importance_weighted_loss``  the same, less b times the      the same, lower still        the same
                                         linear part of F, centred, / M
``marginal_importance_weighted_loss``    softmax over m and n, times N   KL(p~(x) || q(x))            O(1/(MN))
``reinforce_loss``                       (reward - baseline) / M         the expected reward          none
=======================================  ==============================  ===========================  =========

The first three normalise the weights of each latent separately, so they do not favour the latents with large weights;
the fourth does, with a higher variance.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.weights import normalized_importance_weights


def _negative_weighted_sum(weights: jax.Array, log_probs: jax.Array) -> jax.Array:
    """Computes -sum_m weights * log_probs with constant weights; the terms saturate, so the sum is never inf - inf.

    A weight of 0 ends its term, also that of an impossible sample, whose log-probability is -inf.
    """
    bound = float(jnp.finfo(log_probs.dtype).max) / (2 * log_probs.shape[0])
    weights = jax.lax.stop_gradient(weights)
    terms = jnp.where(weights == 0, 0.0, weights * log_probs)
    return -jnp.sum(jnp.clip(terms, -bound, bound), axis=0)


def importance_weighted_loss(*, log_probs: ArrayLike, fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the importance-weighted generator loss: the discrete BGAN loss.

    .. math:: L_n = -\sum_m \tilde w_{mn} \log g(x_{mn} \mid z_n), \qquad \tilde w_{mn} = \mathrm{softmax}_m F(x_{mn})

    Algorithm 1 of [Hjelm]_: the negative log-likelihood of the generator's own samples, weighted by their importance
    weights. Its gradient is the self-normalised estimate of the gradient of :math:`E_z KL(\tilde p(x|z) \| g(x|z))`
    with :math:`\tilde p(x|z) = w(x) g(x|z) / \alpha(z)` constant, whichever divergence trained F. The bias is O(1/M).
    With M = 1 the weight is 1 and the expected gradient is zero: use M >= 2.

    Args:
      log_probs: log g(x|z) of every sample, summed over the data's dims, in nats, ``[M, N]``. Traced; differentiated.
      fake_logits: F of every sample, ``[M, N]``. Traced; a constant here.

    Returns:
      Loss per latent, in nats, ``[N]``.

    Raises:
      ValueError: the shapes differ, are not ``[M, N]``, or the arrays are not floats.

    Example:
      >>> importance_weighted_loss(log_probs=jnp.full((3, 2), -5.0), fake_logits=jnp.zeros((3, 2))).tolist()
      [5.0, 5.0]
    """
    log_probs, fake_logits = shapes.samples_by_latents(log_probs=log_probs, fake_logits=fake_logits)
    return _negative_weighted_sum(normalized_importance_weights(fake_logits, axis=0), log_probs)


def centered_importance_weighted_loss(*, log_probs: ArrayLike, fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the discrete BGAN loss with the uniform weight subtracted: same expected gradient, lower variance.

    .. math:: L_n = -\sum_m \left(\tilde w_{mn} - \tfrac{1}{M}\right) \log g(x_{mn} \mid z_n)

    The subtracted term has expected gradient zero, as :math:`E_g[\nabla \log g] = 0`, so the expected gradient is
    exactly that of :func:`importance_weighted_loss`. The value is not a likelihood: it is zero if the weights are
    equal, and with M = 1 value and gradient are exactly zero.

    Args:
      log_probs: log g(x|z) of every sample, in nats, ``[M, N]``. Traced; differentiated.
      fake_logits: F of every sample, ``[M, N]``. Traced; a constant here.

    Returns:
      Loss per latent, in nats, ``[N]``.

    Raises:
      ValueError: as in ``importance_weighted_loss``.

    Example:
      >>> centered_importance_weighted_loss(log_probs=jnp.full((1, 2), -5.0), fake_logits=jnp.ones((1, 2))).tolist()
      [-0.0, -0.0]
    """
    log_probs, fake_logits = shapes.samples_by_latents(log_probs=log_probs, fake_logits=fake_logits)
    weights = normalized_importance_weights(fake_logits, axis=0) - 1 / log_probs.shape[0]
    return _negative_weighted_sum(weights, log_probs)


def controlled_importance_weighted_loss(
    *,
    log_probs: ArrayLike,
    fake_logits: ArrayLike,
    linear_logits: ArrayLike,
    expected_linear: ArrayLike,
    coefficient: ArrayLike | None = None,
    axis_name: str | tuple[str, ...] | None = None,
) -> jax.Array:
    r"""Computes the centred discrete BGAN loss with the linear part of F as a control variate.

    .. math:: L_n = -\sum_m \left(\tilde w_{mn} - \tfrac1M\right) \log g(x_{mn} \mid z_n)
              + \frac bM \sum_m (l_{mn} - \bar l_n) \log g(x_{mn} \mid z_n) - b \, \frac{M-1}{M} \, \ell_n

    The M samples of a latent differ in few coordinates, so F is nearly linear among them: with the slope
    :math:`a_n = \nabla_x F(p_n)` at the mean :math:`p_n = E_g[t(x)]`, which costs one pass over N points,

    .. math:: l_{mn} = \langle a_n, t(x_{mn}) - p_n \rangle, \qquad
              \ell_n = \langle a_n, E_g[t(x)] - p_n \rangle

    with a and p constant. The value of :math:`\ell` is 0, and its gradient is what the second sum subtracts on average,
    :math:`E[\sum_m (l_m - \bar l) \nabla \log g_m] = (M-1) \nabla \ell`, for any conditional g. So for every constant
    b the expected gradient is exactly that of :func:`centered_importance_weighted_loss`, and at the best b its variance
    is that times one minus the squared correlation of w~ with l. A fixed b = 1 can have more variance than b = 0.
    MuProp [Gu]_ does this for REINFORCE, with b = 1.

    Args:
      log_probs: log g(x|z) of every sample, in nats, ``[M, N]``. Traced; differentiated.
      fake_logits: F of every sample, ``[M, N]``. Traced; a constant here.
      linear_logits: l of every sample, ``[M, N]``. Traced; a constant here.
      expected_linear: :math:`\ell`, ``[N]``: ``<a, mean - stop_gradient(mean)>`` with the conditional's mean, as in the
        example. Traced; differentiated.
      coefficient: b, a number. Traced; a constant here. By default it is fitted over the batch:
        :func:`control_coefficient`, whose dependence on the samples adds a bias of O(1/(MN)).
      axis_name: the mapped axis whose devices share the batch that b is fitted over. Static.

    Returns:
      Loss per latent, ``[N]``; not a likelihood, as in the centred form. With M = 1 its gradient is zero.

    Raises:
      ValueError: the shapes differ, are not ``[M, N]`` and ``[N]``, or the arrays are not floats.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli
      >>> bits, slope = product_bernoulli(event_ndims=1), jnp.array([[1.0, -2.0]])
      >>> x = jnp.array([[[1.0, 0.0]], [[0.0, 0.0]]])  # [M, N, 2]
      >>> def loss(logits):
      ...     mean = bits.mean(logits)
      ...     p = jax.lax.stop_gradient(mean)
      ...     linear = jnp.sum(slope[None] * (x - p[None]), axis=-1)
      ...     return controlled_importance_weighted_loss(
      ...         log_probs=bits.log_prob(x, jnp.broadcast_to(logits, x.shape)), fake_logits=jnp.tanh(linear),
      ...         linear_logits=linear, expected_linear=jnp.sum(slope * (mean - p), axis=-1)).sum()
      >>> jax.grad(loss)(jnp.zeros((1, 2))).round(3).tolist()
      [[-0.054, 0.109]]
    """
    log_probs, fake_logits, linear_logits = shapes.samples_by_latents(
        log_probs=log_probs, fake_logits=fake_logits, linear_logits=linear_logits
    )
    expected_linear = shapes.floating("expected_linear", expected_linear)
    num_samples = log_probs.shape[0]
    if expected_linear.shape != log_probs.shape[1:]:
        raise ValueError(
            f"expected_linear must be [N] for log_probs {log_probs.shape}, found shape {expected_linear.shape}"
        )
    linear_logits = jax.lax.stop_gradient(linear_logits)
    if coefficient is None:
        coefficient = control_coefficient(fake_logits=fake_logits, linear_logits=linear_logits, axis_name=axis_name)
    coefficient = jax.lax.stop_gradient(jnp.asarray(coefficient, log_probs.dtype))
    weights = normalized_importance_weights(fake_logits, axis=0) - 1 / num_samples
    centered = linear_logits - jnp.mean(linear_logits, axis=0, keepdims=True)
    sampled = _negative_weighted_sum(weights - coefficient / num_samples * centered, log_probs)
    return sampled - coefficient * ((num_samples - 1) / num_samples) * expected_linear


def control_coefficient(
    *, fake_logits: ArrayLike, linear_logits: ArrayLike, axis_name: str | tuple[str, ...] | None = None
) -> jax.Array:
    r"""Computes the coefficient of the control variate that explains most of the weights over a batch.

    .. math:: b = \frac{\sum_{m, n} (M \tilde w_{mn} - 1)(l_{mn} - \bar l_n)}{\sum_{m, n} (l_{mn} - \bar l_n)^2}

    The regression, within latents, of the normalised weights on the linear part of F. Where F is flat, b = 1 to first
    order; the weights saturate where F is steep, and b falls.

    Args:
      fake_logits: F of every sample, ``[M, N]``. Traced.
      linear_logits: the linear part of F, ``[M, N]``; see :func:`controlled_importance_weighted_loss`. Traced.
      axis_name: the mapped axis whose devices share the batch. Static.

    Returns:
      b, a scalar; 0 where the linear part is constant.

    Raises:
      ValueError: as in ``importance_weighted_loss``.

    Example:
      >>> logits = jnp.array([[0.01, -0.02], [-0.01, 0.02]])
      >>> round(float(control_coefficient(fake_logits=logits, linear_logits=logits)), 3)
      1.0
    """
    fake_logits, linear_logits = shapes.samples_by_latents(fake_logits=fake_logits, linear_logits=linear_logits)
    num_samples = fake_logits.shape[0]
    excess = num_samples * normalized_importance_weights(fake_logits, axis=0) - 1
    centered = linear_logits - jnp.mean(linear_logits, axis=0, keepdims=True)
    sums = jnp.sum(excess * centered), jnp.sum(jnp.square(centered))
    if axis_name is not None:
        sums = jax.lax.psum(sums, axis_name)
    covariance, variance = sums
    return jnp.where(variance > 0, covariance / jnp.where(variance > 0, variance, 1.0), 0.0)


def marginal_importance_weighted_loss(
    *, log_probs: ArrayLike, fake_logits: ArrayLike, axis_name: str | tuple[str, ...] | None = None
) -> jax.Array:
    r"""Computes the discrete BGAN loss with one normaliser for the whole batch.

    .. math:: L_n = -\frac{1}{M} \sum_m \frac{w_{mn}}{\hat\beta} \log g(x_{mn} \mid z_n), \qquad
              \hat\beta = \frac{1}{M N} \sum_{m, n} w_{mn}

    The first policy gradient of [Hjelm]_: the mean over n estimates the gradient of :math:`KL(\tilde p(x) \| q(x))`,
    the divergence of the marginals, with a bias of O(1/(MN)), also at M = 1. Use with care: a few latents can have
    all the weight, so at small M the variance is much higher than that of the per-latent form.

    Args:
      log_probs: log g(x|z) of every sample, in nats, ``[M, N]``. Traced; differentiated.
      fake_logits: F of every sample, ``[M, N]``. Traced; a constant here.
      axis_name: the mapped axis whose devices share the batch, so that the normaliser is over all of them. Static.

    Returns:
      Loss per latent, in nats, ``[N]``; its mean (over devices too) is the loss.

    Raises:
      ValueError: as in ``importance_weighted_loss``.

    Example:
      >>> log_probs, fake_logits = jnp.full((1, 2), -4.0), jnp.log(jnp.array([[1.0, 3.0]]))
      >>> marginal_importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits).round(4).tolist()
      [2.0, 6.0]
    """
    log_probs, fake_logits = shapes.samples_by_latents(log_probs=log_probs, fake_logits=fake_logits)
    fake_logits = jax.lax.stop_gradient(fake_logits)
    largest, num_latents = jnp.max(fake_logits), fake_logits.shape[1]
    if axis_name is not None:
        largest = jax.lax.pmax(largest, axis_name)
    relative = jnp.exp(fake_logits - largest)
    total = jnp.sum(relative)
    if axis_name is not None:
        total = jax.lax.psum(total, axis_name)
        num_latents = num_latents * jax.lax.psum(1, axis_name)
    return _negative_weighted_sum(relative / total * num_latents, log_probs)


def reinforce_loss(*, log_probs: ArrayLike, rewards: ArrayLike, baseline: ArrayLike) -> jax.Array:
    r"""Computes the score-function (REINFORCE) loss.

    .. math:: L_n = -\frac{1}{M} \sum_m (r_{mn} - b_{mn}) \log g(x_{mn} \mid z_n)

    [Williams]_. Its gradient is an unbiased estimate of :math:`-\nabla E_g[r]` for any baseline that does not depend
    on the sample it multiplies. With the reward :math:`r = F` it minimises the reversed divergence :math:`E_z KL(g(x|z)
    \| \tilde p(x|z))`, whose gradient is :math:`-E_g[(\log w - \log \alpha(z) - 1) \nabla \log g]`; the constants are
    baselines.

    Args:
      log_probs: log g(x|z) of every sample, in nats, ``[M, N]``. Traced; differentiated.
      rewards: the reward of every sample, ``[M, N]``, in nats for r = F. Traced; a constant here.
      baseline: broadcastable to ``[M, N]``: a number, ``[N]``, ``[1, N]`` or ``[M, N]``;
        ``leave_one_out_baseline(rewards)`` needs no state. Traced; a constant here.

    Returns:
      Loss per latent, ``[N]``.

    Raises:
      ValueError: the shapes of log_probs and rewards differ or are not ``[M, N]``; the baseline does not broadcast to
        it.

    Example:
      >>> rewards = jnp.array([[1.0], [3.0]])
      >>> reinforce_loss(log_probs=jnp.array([[-1.0], [-2.0]]), rewards=rewards, baseline=2.0).tolist()
      [0.5]
    """
    log_probs, rewards = shapes.samples_by_latents(log_probs=log_probs, rewards=rewards)
    baseline = shapes.broadcast("baseline", jnp.asarray(baseline, rewards.dtype), rewards.shape)
    largest = float(jnp.finfo(rewards.dtype).max)
    return _negative_weighted_sum(jnp.clip(rewards - baseline, -largest, largest) / log_probs.shape[0], log_probs)


def leave_one_out_baseline(rewards: ArrayLike) -> jax.Array:
    r"""Computes for each sample the mean reward of the other samples of its latent.

    .. math:: b_{mn} = \frac{1}{M - 1} \sum_{m' \ne m} r_{m'n}

    [Mnih]_, [Kool]_. It does not depend on the sample it is subtracted for, so REINFORCE stays unbiased; it needs
    neither state nor a learned network. Cumulative sums from both ends avoid subtracting a term from the total.

    Args:
      rewards: ``[M, N]``, M >= 2. Traced.

    Returns:
      The baselines, ``[M, N]``, in the unit of the rewards.

    Raises:
      ValueError: M < 2, or rewards are not ``[M, N]`` floats.

    Example:
      >>> leave_one_out_baseline(jnp.array([[1.0], [2.0], [6.0]])).tolist()
      [[4.0], [3.5], [1.5]]
    """
    (rewards,) = shapes.samples_by_latents(rewards=rewards)
    num_samples = rewards.shape[0]
    if num_samples < 2:
        raise ValueError(
            f"leave_one_out_baseline needs M >= 2 samples per latent, found rewards of shape {rewards.shape}"
        )
    shares = rewards / (num_samples - 1)
    nothing = jnp.zeros_like(shares[:1])
    before = jnp.concatenate([nothing, jax.lax.cumsum(shares[:-1], axis=0)])
    after = jnp.concatenate([jax.lax.cumsum(shares[1:], axis=0, reverse=True), nothing])
    return before + after
