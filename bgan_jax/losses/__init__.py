r"""The mathematics of boundary-seeking GANs, as pure functions of arrays.

One fact carries everything here. For any strictly convex f let the discriminator put out a raw number F(x) and set
:math:`\nu(F) = f'(e^F)`. Then the bound :math:`E_P[\nu(F)] - E_Q[f^*(\nu(F))] \le D_f(P \| Q)` is tight at
:math:`F = \log p/q`, and the importance weight is :math:`(f^*)'(\nu(F)) = e^F`, *whatever f is*. So F is a log density
ratio everywhere; a divergence is a choice of how F is trained; the generator's weights are ``softmax(F)``.

    >>> import jax.numpy as jnp
    >>> from bgan_jax import losses
    >>> real_logits, fake_logits, log_probs = jnp.zeros(64), jnp.zeros((20, 64)), jnp.full((20, 64), -30.0)
    >>> bound = losses.variational_lower_bound(real_logits=real_logits, fake_logits=fake_logits, divergence="kl")
    >>> generator_loss = losses.importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits).mean()

Shapes: ``N`` batch (latents or data); ``M`` samples per latent, always the leading axis, ``[M, N]``; ``...`` the
data's own dims. ``fake_logits`` is F on generated points, ``real_logits`` F on data. ``divergence=`` takes a name of
``DIVERGENCES`` or an ``FDivergence``. Values that float32 cannot hold are infinite; nothing here is NaN for finite
input, nor is its gradient.

Precision: bfloat16 and float16 arrays are accepted. They are converted to float32 before anything is computed or
summed, and results are float32; a gradient has the dtype of the array that it belongs to. float64 stays float64.

===============================================  ========================================  ===================
equation                                         function                                  laws, tests/losses/
===============================================  ========================================  ===================
f, f*, nu, f* o nu; Table 1 of [Hjelm]_          ``DIVERGENCES``, ``FDivergence``,         test_divergences.py
                                                 ``as_divergence``
the same for any alpha, for any f                ``alpha_divergence``,                     test_divergences.py
                                                 ``divergence_from_f``
w = (f*)'(T); Theorem 1 of [Hjelm]_              ``conjugate_slope``                       test_divergences.py
V = E_P[nu(F)] - E_Q[f*(nu(F))]                  ``variational_lower_bound``,              test_bounds.py
                                                 ``discriminator_loss``
w = e^F                                          ``importance_weights``                    test_weights.py
w~ = w / sum_m w                                 ``normalized_importance_weights``         test_weights.py
log alpha(z), log beta = log mean e^F            ``log_partition``                         test_weights.py
1 / sum_m w~²                                    ``effective_sample_size``                 test_weights.py
-sum_m w~ log g; Algorithm 1 of [Hjelm]_         ``importance_weighted_loss``              test_discrete.py
-sum_m (w~ - 1/M) log g                          ``centered_importance_weighted_loss``     test_discrete.py
the same, less b (l - mean l) / M                ``controlled_importance_weighted_loss``,  test_controlled.py
                                                 ``control_coefficient``
-1/M sum_m (w / beta) log g                      ``marginal_importance_weighted_loss``     test_discrete.py
-1/M sum_m (r - b) log g                         ``reinforce_loss``,                       test_discrete.py
                                                 ``leave_one_out_baseline``
(log w)² = F²                                    ``boundary_seeking_loss``                 test_continuous.py
(F - log Z)²                                     ``centered_boundary_seeking_loss``        test_continuous.py
log(2 cosh(F/2))                                 ``boundary_cross_entropy_loss``           test_continuous.py
log(1 - D), -log D                               ``minimax_loss``,                         test_continuous.py
                                                 ``non_saturating_loss``
-f*(nu(F))                                       ``f_gan_generator_loss``                  test_continuous.py
least squares                                    ``least_squares_discriminator_loss``,     test_continuous.py
                                                 ``least_squares_generator_loss``
hinge                                            ``hinge_discriminator_loss``,             test_continuous.py
                                                 ``hinge_generator_loss``
E_Q[F] - E_P[F], -F                              ``wasserstein_critic_loss``,              test_wasserstein.py
                                                 ``wasserstein_generator_loss``
E_Q[e^F nu'(F) ‖∇F‖²]; Roth et al.               ``gradient_norm_penalty``                 test_penalties.py
E_P ‖∇F‖² + E_Q ‖∇F‖²; E_P ‖∇F‖²                 ``unweighted_gradient_norm_penalty``,     test_penalties.py
                                                 ``r1_penalty``
E (‖∇F‖ - 1)²; WGAN-GP                           ``gradient_penalty``                      test_penalties.py
the penalties by name, with their factors        ``PENALTIES``, ``Penalty``                test_objectives.py
generator losses by name, with what trains F     ``GENERATOR_OBJECTIVES``,                 test_objectives.py
                                                 ``GeneratorObjective``
===============================================  ========================================  ===================

Mistakes in the published formulas, and what is right: tests/losses/test_published_mistakes.py.

.. [Hjelm] R D. Hjelm et al. Boundary-Seeking Generative Adversarial Networks. ICLR 2018.
   https://arxiv.org/abs/1702.08431
.. [Goodfellow] I. Goodfellow et al. Generative Adversarial Networks. 2014. https://arxiv.org/abs/1406.2661
.. [Nguyen] X. Nguyen, M. Wainwright, M. Jordan. Estimating divergence functionals and the likelihood ratio by
   convex risk minimization. 2008. https://arxiv.org/abs/0809.0853
.. [Nowozin] S. Nowozin, B. Cseke, R. Tomioka. f-GAN. 2016. https://arxiv.org/abs/1606.00709
.. [Mao] X. Mao et al. Least Squares Generative Adversarial Networks. 2016. https://arxiv.org/abs/1611.04076
.. [Lim] J. H. Lim, J. C. Ye. Geometric GAN. 2017. https://arxiv.org/abs/1705.02894
.. [Miyato] T. Miyato et al. Spectral Normalization for Generative Adversarial Networks. 2018.
   https://arxiv.org/abs/1802.05957
.. [Arjovsky] M. Arjovsky, S. Chintala, L. Bottou. Wasserstein GAN. 2017. https://arxiv.org/abs/1701.07875
.. [Gulrajani] I. Gulrajani et al. Improved Training of Wasserstein GANs. 2017. https://arxiv.org/abs/1704.00028
.. [Roth] K. Roth et al. Stabilizing Training of Generative Adversarial Networks through Regularization. 2017.
   https://arxiv.org/abs/1705.09367
.. [Mescheder] L. Mescheder, A. Geiger, S. Nowozin. Which Training Methods for GANs do actually Converge? 2018.
   https://arxiv.org/abs/1801.04406
.. [Williams] R. Williams. Simple statistical gradient-following algorithms for connectionist reinforcement
   learning. 1992. https://doi.org/10.1007/BF00992696
.. [Mnih] A. Mnih, D. Rezende. Variational inference for Monte Carlo objectives. 2016. https://arxiv.org/abs/1602.06725
.. [Kool] W. Kool, H. van Hoof, M. Welling. Buy 4 REINFORCE Samples, Get a Baseline for Free! 2019.
   https://openreview.net/forum?id=r1lgTGL5DE
.. [Gu] S. Gu et al. MuProp: Unbiased Backpropagation for Stochastic Neural Networks. 2016.
   https://arxiv.org/abs/1511.05176
.. [Owen] A. Owen. Monte Carlo theory, methods and examples. 2013. https://artowen.su.domains/mc/
"""

from bgan_jax.losses.bounds import discriminator_loss, variational_lower_bound
from bgan_jax.losses.continuous import (
    boundary_cross_entropy_loss,
    boundary_seeking_loss,
    centered_boundary_seeking_loss,
    f_gan_generator_loss,
    hinge_discriminator_loss,
    hinge_generator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax_loss,
    non_saturating_loss,
)
from bgan_jax.losses.discrete import (
    centered_importance_weighted_loss,
    control_coefficient,
    controlled_importance_weighted_loss,
    importance_weighted_loss,
    leave_one_out_baseline,
    marginal_importance_weighted_loss,
    reinforce_loss,
)
from bgan_jax.losses.divergences import (
    DIVERGENCES,
    FDivergence,
    alpha_divergence,
    as_divergence,
    conjugate_slope,
)
from bgan_jax.losses.legendre import divergence_from_f
from bgan_jax.losses.objectives import GENERATOR_OBJECTIVES, GeneratorObjective
from bgan_jax.losses.penalties import (
    PENALTIES,
    Penalty,
    gradient_norm_penalty,
    gradient_penalty,
    r1_penalty,
    unweighted_gradient_norm_penalty,
)
from bgan_jax.losses.wasserstein import wasserstein_critic_loss, wasserstein_generator_loss
from bgan_jax.losses.weights import (
    effective_sample_size,
    importance_weights,
    log_partition,
    normalized_importance_weights,
)

__all__ = [
    "DIVERGENCES",
    "GENERATOR_OBJECTIVES",
    "PENALTIES",
    "FDivergence",
    "GeneratorObjective",
    "Penalty",
    "alpha_divergence",
    "as_divergence",
    "boundary_cross_entropy_loss",
    "boundary_seeking_loss",
    "centered_boundary_seeking_loss",
    "centered_importance_weighted_loss",
    "conjugate_slope",
    "control_coefficient",
    "controlled_importance_weighted_loss",
    "discriminator_loss",
    "divergence_from_f",
    "effective_sample_size",
    "f_gan_generator_loss",
    "gradient_norm_penalty",
    "gradient_penalty",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "importance_weighted_loss",
    "importance_weights",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "leave_one_out_baseline",
    "log_partition",
    "marginal_importance_weighted_loss",
    "minimax_loss",
    "non_saturating_loss",
    "normalized_importance_weights",
    "r1_penalty",
    "reinforce_loss",
    "unweighted_gradient_norm_penalty",
    "variational_lower_bound",
    "wasserstein_critic_loss",
    "wasserstein_generator_loss",
]
