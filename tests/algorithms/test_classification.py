"""The classifier as the generator of labels: what its gradient is, and what it estimates."""

from __future__ import annotations

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax import losses
from bgan_jax.algorithms.classification import (
    CLASSIFICATION_ESTIMATORS,
    REWARD_AVERAGE,
    ClassificationSettings,
    LabelledBatch,
    classification_step,
    classify,
    train_classifier,
    train_discriminator,
)
from bgan_jax.algorithms.estimators import Context, boundary_seeking, boundary_seeking_marginal
from bgan_jax.algorithms.importance_sums import summarize
from bgan_jax.algorithms.label_expectation import expected_lower_bound, summarize_exactly
from bgan_jax.networks import Player, player
from tests.toy_classification import (
    INDEX,
    RATE,
    SHAPE,
    K,
    N,
    ToyDiscriminator,
    close,
    gradient_of,
    initial,
    step_of,
    tables,
    toy_batch,
    toy_game,
)


@pytest.mark.parametrize("divergence", ["gan", "kl"])
def test_the_exact_gradient_is_the_enumerated_one(divergence):
    r"""Both players: grad of -mean_n sum_y p~(y|x) log g(y|x), p~ = w g / alpha, and of the bound by its definition."""
    game = toy_game(num_samples=None, divergence=divergence, penalty=0.0)
    state, real = initial(game), toy_batch()
    after, metrics = step_of(game)(state, real, INDEX)
    log_probs, table = tables(game, state, real.images[0])
    w, g = np.exp(np.asarray(table, np.float64)), np.exp(np.asarray(log_probs(state.params.gen), np.float64))
    target = w * g / (w * g).sum(1, keepdims=True)
    assert np.abs(target - g).max() > 0.05
    expected = jax.grad(lambda params: -jnp.mean(jnp.sum(target * log_probs(params), axis=1)))(state.params.gen)
    close(gradient_of(state.params.gen, after.params.gen), expected)
    np.testing.assert_allclose(metrics["log_partition"], np.log((w * g).sum(1)).mean(), rtol=1e-5)

    record = losses.as_divergence(divergence)

    def bound(params):
        _, table = tables(game, state.replace(params=state.params._replace(disc=params)), real.images[0])
        own = table[jnp.arange(N), real.labels[0]]
        return jnp.mean(record.activation(own)) - jnp.mean(jnp.sum(g * record.conjugate_of_activation(table), axis=1))

    np.testing.assert_allclose(metrics["bound"], bound(state.params.disc), rtol=1e-5)
    close(gradient_of(state.params.disc, after.params.disc), jax.grad(lambda p: -bound(p))(state.params.disc))


def test_importance_sampling_comes_to_the_exact_gradient_with_m():
    """The bias of self-normalised weights falls like 1/M: from M = 16 to 64 to a quarter, within standard errors."""
    copies, replicates = 2048, 12
    exact = toy_game(num_samples=None, penalty=0.0)
    state = initial(exact)
    real = jax.tree.map(lambda array: jnp.repeat(array[:, :1], copies, axis=1), toy_batch())

    def gradients(game):
        step = step_of(game)
        runs = [step(state.replace(step=jnp.int32(i)), real, jnp.arange(copies))[0] for i in range(replicates)]
        return np.stack([jax.flatten_util.ravel_pytree(gradient_of(state.params.gen, a.params.gen))[0] for a in runs])

    truth = gradients(exact)[0]
    shortfall, error = {}, {}
    for m in (4, 16, 64):
        along = gradients(toy_game(num_samples=m, penalty=0.0)) @ truth / (truth @ truth)
        shortfall[m], error[m] = 1.0 - along.mean(), along.std(ddof=1) / np.sqrt(replicates)
    assert shortfall[4] > shortfall[16] > shortfall[64]
    assert error[64] < 0.2 * shortfall[64] < 0.01
    assert abs(shortfall[16] - 4.0 * shortfall[64]) < 4.0 * np.hypot(error[16], 4.0 * error[64])


def test_every_estimator_without_bias_has_its_exact_mean():
    """REINFORCE, whatever its baseline, has the gradient of E_g[F] on average."""
    copies = 4096
    state = initial(toy_game()).replace(reward_average=jnp.float32(0.7), log_partition_average=jnp.float32(-0.4))
    real = jax.tree.map(lambda array: jnp.repeat(array[:, :1], copies, axis=1), toy_batch())
    log_probs, table = tables(toy_game(), state, real.images[0, :1])
    expected = jax.grad(lambda params: -jnp.sum(jnp.exp(log_probs(params)) * table))(state.params.gen)
    exact, _ = step_of(toy_game(num_samples=None, estimator="reinforce_no_baseline", penalty=0.0))(
        state, real, jnp.arange(copies)
    )
    close(gradient_of(state.params.gen, exact.params.gen), expected)
    expected, _ = jax.flatten_util.ravel_pytree(expected)
    for estimator in ("reinforce", "reinforce_moving_average", REWARD_AVERAGE):
        step_fn = step_of(toy_game(num_samples=2, estimator=estimator, penalty=0.0))
        runs = []
        for step in range(8):
            after, _ = step_fn(state.replace(step=jnp.int32(step)), real, jnp.arange(copies))
            runs.append(jax.flatten_util.ravel_pytree(gradient_of(state.params.gen, after.params.gen))[0])
        mean, error = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / np.sqrt(8) + 1e-6
        assert np.linalg.norm(mean - expected) < 4 * np.linalg.norm(error), estimator
        assert np.linalg.norm(error) < 0.1 * np.linalg.norm(expected), estimator


def test_where_the_expectation_is_exact_no_label_is_left_out():
    """Of a single image, weights over the whole batch are those of the image: of exact means, M / (M - 1) is 1."""
    scored = summarize_exactly(jnp.array([[1.0], [0.5], [-2.0]]), jnp.array([[0.3, 0.0, 1.0]]))
    context = Context(num_samples=None, log_partition_average=jnp.zeros(()), axis_name=None)
    close(boundary_seeking_marginal(scored, context), boundary_seeking(scored, context))


def test_at_the_optimal_discriminator_it_is_cross_entropy_towards_p():
    """F = log p(y|x) / g(y|x) makes p~ = p: the gradient is that of cross-entropy with the labels' exact p(y|x)."""
    real = toy_batch()
    p = jax.nn.softmax(2.0 * jax.random.normal(jax.random.key(8), (N, K)))
    plain = toy_game()
    state = initial(plain)
    log_probs, _ = tables(plain, state, real.images[0])
    ratio = jnp.log(p) - log_probs(state.params.gen)

    def optimal(variables, inputs, *, train):
        return jnp.sum(inputs[1] * jnp.expand_dims(ratio, range(inputs[1].ndim - 2)), axis=-1) + variables["params"][
            "nothing"
        ], {}

    disc = Player(init=lambda key: {"params": {"nothing": jnp.zeros(())}}, apply=optimal)
    game = toy_game(num_samples=None, penalty=0.0, disc=disc, divergence="reverse_kl")
    sgd = optax.sgd(RATE)
    state = state.replace(
        params=state.params._replace(disc={"nothing": jnp.zeros(())}),
        opt_state=state.opt_state._replace(disc=sgd.init({"nothing": jnp.zeros(())})),
    )
    after, metrics = classification_step(state, real, INDEX, game=game)
    cross_entropy = jax.grad(lambda params: -jnp.mean(jnp.sum(p * log_probs(params), axis=1)))(state.params.gen)
    close(gradient_of(state.params.gen, after.params.gen), cross_entropy)
    np.testing.assert_allclose(metrics["log_partition"], 0.0, atol=1e-6)  # alpha(x) = 1: the ratio is normalised


def test_the_classifier_moves_with_the_discriminator_held_fixed():
    """The classifier's update follows its log-probabilities alone: F, and where its labels fell, are constants.

    That the discriminator's has g as a constant is in the enumerated gradient above.
    """
    game = toy_game(num_samples=6, penalty=0.0)
    state, real = initial(game), toy_batch()
    after, _ = step_of(game)(state, real, INDEX)
    key = jax.random.fold_in(jax.random.fold_in(state.key, 0), 0)
    fakes = classify(state, key, real.images[0], INDEX, game=game)
    _, scored, _ = train_discriminator(state, real.images[0], real.labels[0], fakes, game=game, axis_name=None)
    log_probs, _ = tables(game, state, real.images[0])
    # The weights as plain numbers: nothing can be differentiated through them.
    weights = np.asarray(scored.weighted_statistics - scored.mean_statistics)
    expected = jax.grad(lambda params: -jnp.mean(jnp.sum(weights * log_probs(params), axis=1)))(state.params.gen)
    assert optax.tree.norm(expected) > 0.01
    close(gradient_of(state.params.gen, after.params.gen), expected)


def test_given_labels_reach_the_classifier_through_the_discriminator_alone():
    game = toy_game(num_samples=6, penalty=0.0)
    state, real = initial(game), toy_batch()
    other = real._replace(labels=(real.labels + 1) % K)
    a, b = (step_of(game)(state, batch, INDEX)[0] for batch in (real, other))
    close(a.params.gen, b.params.gen, atol=0.0)
    difference = jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), a.params.disc, b.params.disc)
    assert max(jax.tree.leaves(difference)) > 1e-3


@pytest.mark.parametrize("num_samples", [None, 12])
def test_the_image_is_looked_at_once_however_many_labels(num_samples):
    seen = []
    toy = player(ToyDiscriminator(), SHAPE, (K,))

    def spying(variables, inputs, *, train):
        seen.append(inputs[0].shape[0])
        return toy.apply(variables, inputs, train=train)

    game = toy_game(num_samples=num_samples, penalty=0.0, disc=Player(toy.init, spying))
    jax.eval_shape(functools.partial(classification_step, game=game), initial(game), toy_batch(), INDEX)
    assert seen == [N]


def test_any_number_of_devices():
    """Four devices of a vmapped axis against one, in gradients, with batch statistics over all of them."""
    one = toy_game(num_samples=4, normalize=True)
    four = toy_game(num_samples=4, normalize=True, axis_name="devices")
    state, real = initial(one), toy_batch()
    alone, metrics = step_of(one)(state, real, INDEX)
    split = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(1, 4, N // 4, *x.shape[2:]), 1, 0), real)
    spread = jax.vmap(
        functools.partial(classification_step, game=four, axis_name="devices"),
        in_axes=(None, 0, 0),
        axis_name="devices",
    )
    together, spread_metrics = jax.jit(spread)(state, split, INDEX.reshape(4, 2))
    for device in range(4):
        mine = jax.tree.map(lambda leaf, device=device: leaf[device], together)
        close(gradient_of(state.params, mine.params), gradient_of(state.params, alone.params), atol=1e-4)
        close(mine.model_state, alone.model_state)
        close(mine.reward_average, alone.reward_average)
    close(jax.tree.map(lambda leaf: leaf[0], spread_metrics), metrics, atol=1e-4)


def test_an_exact_summary_is_that_of_labels_in_exact_proportions():
    logits = jnp.log(jnp.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]]))
    fake_logits = jnp.array([[1.0, -2.0], [0.5, 0.3], [-1.0, 4.0]])  # [K, N]
    labels = jnp.array([[0, 0], [1, 0], [1, 1], [2, 2]])  # each as often as g says, of four
    enumerated = summarize(jnp.take_along_axis(fake_logits, labels, axis=0), jax.nn.one_hot(labels, K))
    exact = summarize_exactly(fake_logits, logits)
    scaled = exact._replace(effective_sample_size=exact.effective_sample_size * 4 / K)
    close(scaled, enumerated)


@pytest.mark.parametrize("divergence", ["gan", "jensen_shannon", "kl", "reverse_kl", "squared_hellinger"])
def test_the_expected_bound_is_tight_at_the_log_ratio(divergence):
    p, g = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    logits = jnp.tile(jnp.log(jnp.asarray(g, jnp.float32)), (10, 1))
    labels = np.repeat(np.arange(K), (10 * p).round().astype(int))  # ten images whose labels are p's

    def bound(table):
        fake_logits = jnp.tile(table[:, None], (1, 10))
        return float(
            expected_lower_bound(
                real_logits=table[labels], fake_logits=fake_logits, logits=logits, divergence=divergence
            )
        )

    optimal = jnp.log(jnp.asarray(p / g, jnp.float32))
    expected = float(np.sum(g * np.asarray(losses.as_divergence(divergence).f(jnp.asarray(p / g)))))
    np.testing.assert_allclose(bound(optimal), expected, rtol=1e-4)
    for direction in np.eye(K):
        assert bound(optimal + 0.3 * direction) < bound(optimal)
        assert bound(optimal - 0.3 * direction) < bound(optimal)


def test_a_label_that_is_never_drawn_counts_nothing():
    logits = jnp.array([[0.0, -200.0, 0.0]])
    fake_logits = jnp.array([[0.0], [100.0], [0.0]])
    value = expected_lower_bound(
        real_logits=jnp.zeros(1), fake_logits=fake_logits, logits=logits, divergence="pearson_chi2"
    )
    assert float(value) == 0.0


@pytest.mark.parametrize(("inputs", "expected"), [("image", 16.0), ("label", 8.0), ("both", 24.0)])
def test_what_the_penalty_is_about(inputs, expected):
    """F = 2 sum(image) + 2 (first two labels): squared slopes 4 x 4 of the image and 2 x 4 of the label."""

    def linear(variables, pair, *, train):
        images, labels = pair
        per_image = 2.0 * jnp.sum(images, axis=(1, 2, 3))
        return variables["params"]["scale"] * (
            jnp.expand_dims(per_image, range(labels.ndim - 2)) + 2.0 * jnp.sum(labels[..., :2], axis=-1)
        ), {}

    disc = Player(init=lambda key: {"params": {"scale": jnp.ones(())}}, apply=linear)
    game = toy_game(num_samples=4, divergence="reverse_kl", penalty_inputs=inputs, disc=disc)
    _, metrics = classification_step(initial(game), toy_batch(), INDEX, game=game)
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-5)  # reverse KL weighs it by one


def test_the_penalty_of_a_part_of_the_batch():
    real = toy_batch()
    changed = real._replace(images=real.images.at[:, 1::2].add(1.0))
    game = toy_game(num_samples=None, penalty_stride=2)
    state = initial(game)
    a, b = (step_of(game)(state, batch, INDEX)[1]["penalty"] for batch in (real, changed))
    np.testing.assert_allclose(a, b, rtol=1e-6)
    with pytest.raises(ValueError, match="penalty_stride=3 does not divide a device's 8 examples"):
        classification_step(state, real, INDEX, game=toy_game(penalty_stride=3))


def test_the_reward_average_is_the_baseline():
    game = toy_game(num_samples=5, estimator=REWARD_AVERAGE)
    state, real = initial(game).replace(reward_average=jnp.float32(0.9)), toy_batch()
    fakes = classify(state, jax.random.key(4), real.images[0], INDEX, game=game)
    moved, scored, _ = train_discriminator(state, real.images[0], real.labels[0], fakes, game=game, axis_name=None)
    after, metrics = train_classifier(moved, real.labels[0], fakes, scored, game=game, axis_name=None)
    reward = float(jnp.mean(scored.log_ratio_mean))
    np.testing.assert_allclose(after.reward_average, 0.99 * 0.9 + 0.01 * reward, rtol=1e-5)
    log_probs, _ = tables(game, state, real.images[0])

    def loss(params):
        by_label = scored.log_ratio_statistics - 0.9 * scored.mean_statistics
        return -jnp.mean(jnp.sum(by_label * log_probs(params), axis=1))

    close(gradient_of(state.params.gen, after.params.gen), jax.grad(loss)(state.params.gen))


def test_every_discriminator_update_sees_its_own_minibatch():
    game = toy_game(num_samples=4, disc_steps=2, penalty=0.0)
    state, real = initial(game), toy_batch(minibatches=2)
    base, _ = step_of(game)(state, real, INDEX)
    for i in range(2):
        changed, _ = step_of(game)(state, real._replace(labels=real.labels.at[i].add(1) % K), INDEX)
        difference = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), changed.params.disc, base.params.disc)
        assert max(jax.tree.leaves(difference)) > 1e-4, i


def test_traced_once():
    game = toy_game(num_samples=4, normalize=True)

    @jax.jit
    @chex.assert_max_traces(n=1)
    def step(state, real, index):
        return classification_step(state, real, index, game=game)

    state = initial(game)
    for _ in range(3):
        state, metrics = step(state, toy_batch(), INDEX)
    assert int(state.step) == 3
    assert all(bool(jnp.isfinite(value)) for value in metrics.values())


@pytest.mark.parametrize("estimator", ["boundary_seeking", REWARD_AVERAGE])
def test_it_learns(estimator):
    """Noisy labels, 80 : 10 : 10, that change with the image: the classifier comes to those probabilities."""
    adam = optax.adam(5e-3, b1=0.5)
    game = toy_game(num_samples=8, estimator=estimator, optimizer=adam, penalty=0.1, average_decay=0.99)
    kinds = jax.random.normal(jax.random.key(2), (K, *SHAPE))  # three images, each with its own favourite label

    @jax.jit
    def many(state):
        def body(state, seed):
            kind_key, label_key = jax.random.split(jax.random.key(seed))
            kind = jax.random.randint(kind_key, (64,), 0, K)
            labels = jax.random.categorical(label_key, jnp.log(0.1 + 0.7 * jnp.eye(K))[kind])
            return classification_step(state, LabelledBatch(kinds[kind][None], labels[None]), jnp.arange(64), game=game)

        return jax.lax.scan(body, state, jnp.arange(2000))

    state, _ = many(initial(game))
    logits, _ = game.networks.gen.apply(state.gen_average, kinds, train=False)
    np.testing.assert_allclose(jax.nn.softmax(logits), 0.1 + 0.7 * np.eye(K), atol=0.15)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 1}, "at least 2"),
        ({"num_samples": None, "estimator": "reinforce"}, "reinforce_no_baseline"),
        ({"divergence": "jensen"}, "jensen_shannon"),
        ({"estimator": "magic"}, "boundary_seeking"),
        ({"penalty_form": "magic"}, "gradient_norm, unweighted"),
        ({"penalty_inputs": "magic"}, "image, label, both"),
        ({"penalty": -1.0}, "not be negative"),
        ({"penalty_stride": 0}, "penalty_stride is 0"),
        ({"disc_steps": 0}, "disc_steps is 0"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ClassificationSettings(**settings)


def test_estimators_have_one_name_each():
    assert len(set(CLASSIFICATION_ESTIMATORS)) == len(CLASSIFICATION_ESTIMATORS)
