import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax import losses
from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings, discrete_step, score, train_generator
from bgan_jax.algorithms.microbatches import CPU, Microbatches
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import Pair, init_state
from bgan_jax.conditionals import product_bernoulli, sample_conditionals
from bgan_jax.losses import PENALTIES
from bgan_jax.networks import build_networks
from tests.toy_game import SHAPE, toy_data, toy_game

N = 16
INDEX = jnp.arange(N)


def initial(game):
    return jax.jit(functools.partial(init_state, networks=game.networks, optimizers=game.optimizers))(jax.random.key(3))


def close(a, b, **kwargs):
    jax.tree.map(functools.partial(np.testing.assert_allclose, **kwargs), params_of(a), params_of(b))


def params_of(state):
    return (state.params, state.model_state, state.gen_average)


def generator_update(game, state):
    """The negative gradient that one generator update of SGD followed, by the step's own path."""
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    after, _ = train_generator(state, fakes, score(state, fakes, game=game), game=game, axis_name=None)
    return jax.tree.map(lambda new, old: (new - old) / -0.1, after.params.gen, state.params.gen)


def m_pass_gradient(game, state, loss):
    """The same gradient the long way: M backward passes through log g, with the library's loss."""
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    m = game.settings.num_samples
    x = sample_conditionals(game.conditional, fakes.sample_keys, fakes.logits, sample_index=jnp.arange(m))
    points = game.conditional.statistics(x)
    variables = {"params": state.params.disc, **state.model_state.disc}
    fake_logits, _ = game.networks.disc.apply(variables, points.reshape(-1, *points.shape[2:]), train=True)
    fake_logits = fake_logits.reshape(m, N)

    latents = []

    def capture(variables, inputs, *, train):
        latents.append(inputs)
        return game.networks.gen.apply(variables, inputs, train=train)

    spying = game.networks._replace(gen=game.networks.gen._replace(apply=capture))
    with jax.disable_jit():
        generate(state, jax.random.key(9), INDEX, networks=spying)
    (z,) = (jax.lax.stop_gradient(latent) for latent in latents)

    def objective(params):
        logits, _ = game.networks.gen.apply({"params": params, **state.model_state.gen}, z, train=True)
        log_probs = game.conditional.log_prob(points, jnp.broadcast_to(logits, points.shape))
        return jnp.mean(loss(log_probs=log_probs, fake_logits=fake_logits))

    return jax.grad(objective)(state.params.gen)


def marginal(*, log_probs, fake_logits):
    # Each weight less the mean of its latent's others, over the mean weight of the whole batch.
    weights = jnp.exp(fake_logits - losses.log_partition(fake_logits, axis=(0, 1)))
    others = losses.leave_one_out_baseline(weights)
    return -jnp.mean(jax.lax.stop_gradient(weights - others) * log_probs, axis=0)


def leave_one_out(*, log_probs, fake_logits):
    baseline = losses.leave_one_out_baseline(fake_logits)
    return losses.reinforce_loss(log_probs=log_probs, rewards=fake_logits, baseline=baseline)


def no_baseline(*, log_probs, fake_logits):
    return losses.reinforce_loss(log_probs=log_probs, rewards=fake_logits, baseline=0.0)


@pytest.mark.parametrize(
    ("estimator", "loss"),
    [
        ("boundary_seeking", losses.centered_importance_weighted_loss),
        ("boundary_seeking_plain", losses.importance_weighted_loss),
        ("boundary_seeking_marginal", marginal),
        ("reinforce", leave_one_out),
        ("reinforce_no_baseline", no_baseline),
    ],
)
def test_one_backward_pass_equals_m(estimator, loss):
    game = toy_game(num_samples=7, estimator=estimator)
    state = initial(game)
    # A discriminator with opinions, so that weights differ.
    state = state.replace(params=state.params._replace(disc=jax.tree.map(lambda p: 3.0 * p, state.params.disc)))
    expected = m_pass_gradient(game, state, loss)
    scale = float(optax.tree.norm(expected))
    assert scale > 1e-3
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5 * max(scale, 1.0)),
        generator_update(game, state),
        expected,
    )


def test_the_moving_average_baseline_is_the_authors():
    game = toy_game(num_samples=5, estimator="reinforce_moving_average")
    state = initial(game).replace(log_partition_average=jnp.float32(-0.7))

    def loss(*, log_probs, fake_logits):
        return losses.reinforce_loss(log_probs=log_probs, rewards=fake_logits, baseline=-0.7 + 1.0)

    expected = m_pass_gradient(game, state, loss)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), generator_update(game, state), expected)


def test_the_chunk_does_not_matter():
    """Samples one by one, in two halves, all at once; the summary itself is tried with more sizes elsewhere."""
    one, half, whole = (toy_game(num_samples=8, sample_chunk=chunk) for chunk in (1, 4, 8))
    state, real = initial(whole), toy_data(N)
    a, b, expected = (jax.jit(functools.partial(discrete_step, game=game))(state, real, INDEX)[0]
                      for game in (one, half, whole))  # fmt: skip
    close(a, expected, atol=1e-6)
    close(b, expected, atol=1e-6)


@pytest.mark.parametrize(("disc_fakes_per_latent", "at_a_time"), [(1, [1]), (4, [1, 2, 3])])
def test_the_discriminator_in_a_loop_takes_the_same_step(disc_fakes_per_latent, at_a_time):
    """On CPU samples are scored, and learned from, a few at a time in a loop; elsewhere all at once."""
    networks = build_networks("dcgan28_small", example_shape=(28, 28, 1), width=2)
    assert networks.disc.in_loop is not None
    optimizer = optax.sgd(0.1)
    at_once, *looped = (
        DiscreteGame(
            networks=networks,
            microbatches=microbatches,
            conditional=product_bernoulli(),
            optimizers=Pair(gen=optimizer, disc=optimizer),
            settings=DiscreteSettings(num_samples=4, disc_fakes_per_latent=disc_fakes_per_latent, sample_chunk=2),
        )
        for microbatches in (Microbatches(), *(CPU._replace(learned_values=few * N * 28 * 28) for few in at_a_time))
    )
    state = jax.jit(functools.partial(init_state, networks=networks, optimizers=at_once.optimizers))(jax.random.key(0))
    real = jax.random.bernoulli(jax.random.key(1), 0.2, (1, N, 28, 28, 1)).astype(jnp.uint8)
    (expected, metrics), *found = (
        jax.jit(functools.partial(discrete_step, game=game))(state, real, INDEX) for game in (at_once, *looped)
    )
    for loop_state, loop_metrics in found:
        close(loop_state, expected, atol=1e-5)
        chex.assert_trees_all_close(loop_metrics, metrics, rtol=1e-4, atol=1e-5)


def test_sharing_the_forward_pass_changes_nothing():
    """With k = M the discriminator's own pass scores the samples; scoring them apart gives the same generator."""
    game = toy_game(num_samples=6, disc_fakes_per_latent=6)
    state = initial(game)
    shared, shared_metrics = discrete_step(state, toy_data(N), INDEX, game=game)
    fakes = generate(state, jax.random.fold_in(jax.random.fold_in(state.key, 0), 0), INDEX, networks=game.networks)
    apart, metrics = train_generator(state, fakes, score(state, fakes, game=game), game=game, axis_name=None)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), shared.params.gen, apart.params.gen)
    np.testing.assert_allclose(shared_metrics["log_partition"], metrics["log_partition"], rtol=1e-5)


def test_fewer_fakes_have_the_same_expected_discriminator_gradient():
    """k = 1 against k = M over many steps' keys: the mean gradients agree within standard errors."""
    few, every = toy_game(num_samples=6, penalty=0.0), toy_game(num_samples=6, disc_fakes_per_latent=6, penalty=0.0)
    state = initial(few)

    @functools.partial(jax.jit, static_argnums=0)
    def gradients(which, steps):
        game = (few, every)[which]

        def gradient(step):
            after, _ = discrete_step(state.replace(step=step), toy_data(N), INDEX, game=game)
            return jax.flatten_util.ravel_pytree(jax.tree.map(jnp.subtract, after.params.disc, state.params.disc))[0]

        return jax.vmap(gradient)(steps)

    a, b = (np.asarray(gradients(which, jnp.arange(400))) for which in (0, 1))
    standard_error = np.sqrt((a.var(0) + b.var(0)) / 400) + 1e-12
    z = (a.mean(0) - b.mean(0)) / standard_error
    assert np.abs(z).max() < 5.0
    assert a.var(0).sum() > b.var(0).sum()


def test_the_penalty_of_a_part_of_the_batch():
    """A stride of two is the penalty of the even examples, whatever the odd ones are."""
    game = toy_game(num_samples=4, penalty=5.0, penalty_stride=2)
    state = initial(game)
    _, metrics = discrete_step(state, toy_data(N), INDEX, game=game)
    fakes = generate(state, jax.random.fold_in(jax.random.fold_in(state.key, 0), 0), INDEX, networks=game.networks)
    expected = losses.gradient_norm_penalty(
        lambda points: game.networks.disc.apply({"params": state.params.disc}, points, train=True)[0],
        real=toy_data(N)[0, ::2].astype(jnp.float32),
        fake=jax.nn.sigmoid(fakes.logits)[::2],
        divergence="jensen_shannon",
    )
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="penalty_stride=3 does not divide a device's 16 examples"):
        discrete_step(state, toy_data(N), INDEX, game=toy_game(num_samples=4, penalty_stride=3))


def test_update_ratios():
    game = toy_game(num_samples=4, disc_steps=3, gen_steps=2, optimizer=optax.adam(1e-3))
    state = initial(game)
    after, _ = jax.jit(functools.partial(discrete_step, game=game))(state, toy_data(N, minibatches=3), INDEX)
    counts = [int(opt_state[0].count) for opt_state in (after.opt_state.disc, after.opt_state.gen)]
    assert counts == [3, 2]
    assert int(after.step) == 1


def test_every_discriminator_update_sees_its_own_minibatch():
    game = toy_game(num_samples=4, disc_steps=2)
    state = initial(game)
    real = toy_data(N, minibatches=2)
    step = jax.jit(functools.partial(discrete_step, game=game))
    base, _ = step(state, real, INDEX)
    for i in range(2):
        changed, _ = step(state, real.at[i].set(1 - real[i]), INDEX)
        difference = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), changed.params.disc, base.params.disc)
        assert max(jax.tree.leaves(difference)) > 1e-4, i


def test_traced_once():
    game = toy_game(num_samples=4)

    @jax.jit
    @chex.assert_max_traces(n=1)
    def step(state, real, index):
        return discrete_step(state, real, index, game=game)

    state = initial(game)
    for _ in range(3):
        state, metrics = step(state, toy_data(N), INDEX)
    assert int(state.step) == 3
    assert all(bool(jnp.isfinite(value)) for value in metrics.values())


def test_steps_draw_fresh_numbers():
    game = toy_game(num_samples=4)
    state = initial(game)
    _, first = discrete_step(state, toy_data(N), INDEX, game=game)
    _, second = discrete_step(state.replace(step=state.step + 1), toy_data(N), INDEX, game=game)
    assert float(first["log_partition"]) != float(second["log_partition"])


def test_it_learns():
    """The toy's data are product-Bernoulli, so the marginals of the samples must come to theirs."""
    game = toy_game(num_samples=10, optimizer=optax.adam(3e-3, b1=0.5), penalty=1.0)
    probs = jnp.array([0.9, 0.8, 0.1, 0.7, 0.2, 0.95]).reshape(1, 1, *SHAPE)

    @jax.jit
    def many(state):
        def body(state, seed):
            real = jax.random.bernoulli(jax.random.key(seed), jnp.broadcast_to(probs, (1, 64, *SHAPE)))
            return discrete_step(state, real.astype(jnp.uint8), jnp.arange(64), game=game)

        return jax.lax.scan(body, state, jnp.arange(1500))

    state = initial(game)
    before = generate(state, jax.random.key(0), jnp.arange(4096), networks=game.networks)
    state, _ = many(state)
    after = generate(state, jax.random.key(0), jnp.arange(4096), networks=game.networks)

    def error(fakes):
        return float(jnp.abs(jnp.mean(jax.nn.sigmoid(fakes.logits), axis=0) - probs[0, 0]).max())

    assert error(after) < 0.1 < 0.4 < error(before)


@pytest.mark.parametrize("penalty_form", PENALTIES)
def test_every_penalty_is_in_the_loss(penalty_form):
    """Once, with its own factor: an update of plain gradient descent is linear in the coefficient."""
    games = [
        toy_game(num_samples=4, penalty=penalty, penalty_form=penalty_form, penalty_stride=2)
        for penalty in (0.0, 1.0, 3.0)
    ]
    state = initial(games[0])
    none, once, thrice = (
        jax.flatten_util.ravel_pytree(discrete_step(state, toy_data(N), INDEX, game=game)[0].params.disc)[0]
        for game in games
    )
    assert float(jnp.linalg.norm(once - none)) > 1e-4
    np.testing.assert_allclose(thrice - none, 3.0 * (once - none), atol=1e-6)


def test_the_mixing_of_data_and_fakes_is_fresh():
    """WGAN-GP between real points and probabilities draws by example, and its draws are not those of the samples."""
    game = toy_game(num_samples=4, penalty=1.0, penalty_form="wgan_gp")
    state = initial(game)
    fakes = generate(state, jax.random.fold_in(jax.random.fold_in(state.key, 0), 0), INDEX, networks=game.networks)
    expected = losses.gradient_penalty(
        lambda points: game.networks.disc.apply({"params": state.params.disc}, points, train=True)[0],
        jax.vmap(lambda key: jax.random.fold_in(key, 4))(fakes.sample_keys),
        real=toy_data(N)[0].astype(jnp.float32),
        fake=jax.nn.sigmoid(fakes.logits),
    )
    _, metrics = discrete_step(state, toy_data(N), INDEX, game=game)
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-5)


@pytest.mark.parametrize("divergence", list(losses.DIVERGENCES))
def test_every_divergence_steps(divergence):
    game = toy_game(num_samples=4, divergence=divergence, penalty=1.0)
    state, metrics = discrete_step(initial(game), toy_data(N), INDEX, game=game)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((state.params, metrics)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 1}, "at least 2"),
        ({"num_samples": 4, "disc_fakes_per_latent": 5}, "between 1 and num_samples=4"),
        ({"num_samples": 12, "sample_chunk": 5}, r"one of \[1, 2, 3, 4, 6, 12\]"),
        ({"divergence": "jensen"}, "jensen_shannon"),
        ({"estimator": "magic"}, "boundary_seeking"),
        ({"penalty_form": "magic"}, "legal: gradient_norm, unweighted, r1, wgan_gp"),
        ({"penalty": -1.0}, "not be negative"),
        ({"penalty_stride": 0}, "at least 1"),
        ({"penalty_half_life": 0}, "positive number of steps"),
        ({"disc_steps": 0}, "at least 1"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DiscreteSettings(**settings)
