import functools
import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax import losses
from bgan_jax.algorithms.continuous import (
    ContinuousSettings,
    continuous_step,
    point_gradients,
    train_discriminator,
    train_generator,
)
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import init_state
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.runtime import parallel
from tests.continuous_game import point_data, point_game
from tests.exhaustive import one_in
from tests.here import here

N = 16
INDEX = jnp.arange(N)
BOUNDARY_SEEKING = ["boundary_seeking", "boundary_seeking_centered", "boundary_cross_entropy"]
WITHOUT_DIVERGENCE = [name for name, objective in GENERATOR_OBJECTIVES.items() if not objective.uses_divergence]


def initial(game):
    return jax.jit(functools.partial(init_state, networks=game.networks, optimizers=game.optimizers))(jax.random.key(3))


def run(game, *, steps=5):
    """The game on one device."""
    state = initial(game)
    step = jax.jit(functools.partial(continuous_step, game=game))
    for i in range(steps):
        state, metrics = step(state, point_data(N, minibatches=game.settings.disc_steps, seed=i), INDEX)
    return state, metrics


def run_on_devices(launcher, *, steps=5, **settings):
    """The same game over all eight devices."""
    game = point_game(axis_name=parallel.AXIS, **settings)

    def step(state, rows, index, *, axis_name):
        return continuous_step(state, jnp.moveaxis(rows, 1, 0), index, game=game, axis_name=axis_name)

    state = parallel.replicate(
        lambda bits: init_state(jax.random.wrap_key_data(bits), networks=game.networks, optimizers=game.optimizers),
        np.asarray(jax.random.key_data(jax.random.key(3))),
        launcher=here(launcher),
    )
    advance = parallel.on_devices(step, launcher=here(launcher), sharded=(False, True, True))
    index = parallel.shard(np.arange(N, dtype=np.int32), launcher=here(launcher))
    for i in range(steps):
        rows = np.moveaxis(np.asarray(point_data(N, minibatches=game.settings.disc_steps, seed=i)), 0, 1)
        state, metrics = advance(state, parallel.shard(rows, launcher=here(launcher)), index)
    return parallel.to_host((state, metrics))


SPREAD = {
    "centred on the log-partition, weighted norms": {"objective": "boundary_seeking_centered"},
    "wasserstein, 2:2": {"objective": "wasserstein", "penalty_form": "wgan_gp", "disc_steps": 2, "gen_steps": 2},
}


@pytest.mark.parametrize("settings", one_in(2, SPREAD.values(), ids=SPREAD))
def test_eight_devices_equal_one_and_the_launchers_agree(settings):
    """Plain gradient descent, and batch statistics under the penalty: a wrong factor anywhere would show."""
    pmap, shard_map = (run_on_devices(launcher, **settings) for launcher in parallel.LAUNCHERS)
    for a, b in zip(jax.tree.leaves(pmap), jax.tree.leaves(shard_map), strict=True):
        np.testing.assert_array_equal(a, b)
    single = parallel.to_host(run(point_game(**settings)))
    for a, b in zip(jax.tree.leaves(pmap), jax.tree.leaves(single), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


def test_one_all_reduce_per_player_and_update():
    game = point_game(batch_norm=False, disc_steps=2, gen_steps=3)
    game = game._replace(networks=game.networks._replace(gen=game.networks.disc._replace(**frozen_generator())))
    state = initial(game)
    text = str(
        jax.make_jaxpr(
            functools.partial(continuous_step, game=game, axis_name=parallel.AXIS), axis_env=[(parallel.AXIS, 8)]
        )(state, point_data(N, minibatches=2), INDEX)
    )
    assert text.count(" psum") == 2 + 3


def frozen_generator():
    """A generator without batch normalisation, whose own all-reduces would be counted."""
    return {
        "init": lambda key: {"params": {"kernel": jax.random.normal(key, (4, 2))}},
        "apply": lambda variables, latents, *, train: (latents @ variables["params"]["kernel"], {}),
    }


def test_traced_once():
    game = point_game()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def step(state, real, index):
        return continuous_step(state, real, index, game=game)

    state = initial(game)
    for _ in range(3):
        state, metrics = step(state, point_data(N), INDEX)
    assert int(state.step) == 3
    assert all(bool(jnp.isfinite(value)) for value in metrics.values())


def state_with_opinion(game, offset):
    """A state whose F is around ``offset`` on every generated point."""
    state = initial(game)
    params = jax.tree.map(lambda leaf: leaf, state.params.disc)
    params["Dense_1"]["bias"] = params["Dense_1"]["bias"] + offset
    return state.replace(params=state.params._replace(disc=params))


@functools.cache
def mover(objective):
    """A compiled small update of the generator by the objective: F on its very samples, before and after."""
    game = point_game(objective=objective, penalty=0.0, batch_norm=False, optimizer=optax.sgd(1e-3))

    @jax.jit
    def move(offset):
        state = state_with_opinion(game, offset)

        def generated(state):
            return generate(state, jax.random.key(9), INDEX, networks=game.networks)

        fakes = generated(state)
        after = train_generator(state, fakes, game=game, axis_name=None)[0]
        return tuple(point_gradients(state, points, game=game)[2] for points in (fakes.logits, generated(after).logits))

    return move


def change_of_logits(objective, offset):
    """How a small generator update changes the mean of F on its samples."""
    before, after = mover(objective)(offset)
    assert float(jnp.min(jnp.sign(before) * np.sign(offset))) == 1.0, "every point is on one side"
    return float(jnp.mean(after - before))


@pytest.mark.parametrize("offset", [-4.0, 4.0])
@pytest.mark.parametrize("objective", BOUNDARY_SEEKING)
def test_boundary_seeking_moves_towards_the_boundary_from_both_sides(objective, offset):
    assert change_of_logits(objective, offset) * np.sign(offset) < -1e-5


@pytest.mark.parametrize("offset", [-4.0, 4.0])
@pytest.mark.parametrize("objective", ["minimax", "non_saturating", "f_gan", "wasserstein", "hinge"])
def test_the_others_push_past_it(objective, offset):
    assert change_of_logits(objective, offset) > 1e-7


def test_saturation_is_where_theory_says():
    """The proxy's pull is strong on clear fakes and weak past the boundary; the minimax loss has it the other way."""
    proxy, minimax = (
        [change_of_logits(objective, offset) for offset in (-4.0, 4.0)] for objective in ("non_saturating", "minimax")
    )
    assert proxy[0] > 10 * proxy[1] and minimax[1] > 10 * minimax[0]


@pytest.mark.parametrize("objective", ["least_squares", "least_squares_boundary"])
def test_least_squares_seeks_its_target(objective):
    target = {"least_squares": 1.0, "least_squares_boundary": 0.5}[objective]
    game = point_game(objective=objective, penalty=0.0)
    state = initial(game)
    points = point_data(N)[0]
    slopes, per_point, fake_logits = point_gradients(state, points, game=game)
    np.testing.assert_allclose(per_point, jnp.square(fake_logits - target) / 2, rtol=1e-6)
    assert slopes.shape == points.shape


def test_the_update_is_the_gradient_of_the_objective():
    """One SGD step of the generator against differentiating through both networks at once."""
    game = point_game(penalty=0.0)
    state = state_with_opinion(game, 1.5)
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    after, _ = train_generator(state, fakes, game=game, axis_name=None)
    latents = []

    def capture(variables, inputs, *, train):
        latents.append(inputs)
        return game.networks.gen.apply(variables, inputs, train=train)

    with jax.disable_jit():
        spying = game.networks._replace(gen=game.networks.gen._replace(apply=capture))
        generate(state, jax.random.key(9), INDEX, networks=spying)
    z = jax.lax.stop_gradient(latents[0])

    def objective(params):
        points, _ = game.networks.gen.apply({"params": params, **state.model_state.gen}, z, train=True)
        variables = {"params": state.params.disc, **state.model_state.disc}
        return jnp.mean(losses.boundary_seeking_loss(game.networks.disc.apply(variables, points, train=True)[0]))

    expected = jax.tree.map(lambda p, g: p - 0.1 * g, state.params.gen, jax.grad(objective)(state.params.gen))
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), after.params.gen, expected)


def test_the_generator_meets_the_discriminator_after_its_update():
    game = point_game()
    state = initial(game)
    after, metrics = continuous_step(state, point_data(N), INDEX, game=game)
    fakes = generate(state, jax.random.fold_in(jax.random.fold_in(state.key, 0), 0), INDEX, networks=game.networks)
    updated = state.replace(params=after.params._replace(gen=state.params.gen))
    np.testing.assert_allclose(
        metrics["sample_logit"], jnp.mean(point_gradients(updated, fakes.logits, game=game)[2]), rtol=1e-5
    )


def test_the_running_log_partition_is_the_authors():
    game = point_game(objective="boundary_seeking_centered")
    state = state_with_opinion(game, 3.0).replace(log_partition_average=jnp.float32(1.0))
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    _, per_point, fake_logits = point_gradients(state, fakes.logits, game=game)
    np.testing.assert_allclose(per_point, jnp.square(fake_logits - 1.0), rtol=1e-6)
    after, metrics = train_generator(state, fakes, game=game, axis_name=None)
    batch = losses.log_partition(fake_logits)
    np.testing.assert_allclose(metrics["log_partition"], batch, rtol=1e-5)
    np.testing.assert_allclose(after.log_partition_average, 0.995 * 1.0 + 0.005 * batch, rtol=1e-6)


@pytest.mark.parametrize("offset", [-1e4, 1e4])
def test_the_running_log_partition_stays_finite(offset):
    game = point_game()
    state = state_with_opinion(game, offset)
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    after, metrics = train_generator(state, fakes, game=game, axis_name=None)
    assert float(metrics["log_partition"]) == pytest.approx(np.sign(offset) * 80.0, rel=1e-5)
    assert np.isfinite(float(after.log_partition_average))


PENALTIES = itertools.cycle(["unweighted", "r1", "wgan_gp"])


@pytest.mark.parametrize(("objective", "penalty_form"), list(zip(GENERATOR_OBJECTIVES, PENALTIES)))  # noqa: B905
def test_every_objective_steps(objective, penalty_form):
    state, metrics = run(point_game(objective=objective, penalty_form=penalty_form, batch_norm=False), steps=3)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((state.params, metrics)))
    assert ("bound" in metrics) == GENERATOR_OBJECTIVES[objective].uses_divergence
    assert ("real_accuracy" in metrics) == (objective != "wasserstein")


@pytest.mark.parametrize("divergence", list(losses.DIVERGENCES))
def test_every_divergence_steps(divergence):
    game = point_game(
        objective="f_gan", divergence=divergence, batch_norm=False, penalty=0.0, optimizer=optax.sgd(1e-3)
    )
    state, metrics = run(game, steps=2)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((state.params, metrics)))


def test_update_ratios():
    game = point_game(disc_steps=3, gen_steps=2, optimizer=optax.adam(1e-3), batch_norm=False, penalty=0.0)
    state, _ = run(game, steps=1)
    counts = [int(opt_state[0].count) for opt_state in (state.opt_state.disc, state.opt_state.gen)]
    assert counts == [3, 2]
    assert int(state.step) == 1


def test_every_discriminator_update_sees_its_own_minibatch():
    game = point_game(disc_steps=2, batch_norm=False, penalty=0.0)
    state, real = initial(game), point_data(N, minibatches=2)
    step = jax.jit(functools.partial(continuous_step, game=game))
    base, _ = step(state, real, INDEX)
    for i in range(2):
        changed, _ = step(state, real.at[i].set(-real[i]), INDEX)
        difference = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), changed.params.disc, base.params.disc)
        assert max(jax.tree.leaves(difference)) > 1e-4, i


def test_both_players_keep_their_batch_statistics():
    game = point_game()
    state, _ = run(game, steps=2)
    start = initial(game)
    for player in ("gen", "disc"):
        new, old = (jax.tree.leaves(getattr(s.model_state, player)) for s in (state, start))
        assert len(new) == 2 and all(float(jnp.abs(a - b).max()) > 1e-4 for a, b in zip(new, old, strict=True))
    assert jax.tree.structure(state) == jax.tree.structure(start)


def test_annealing_ends_where_the_constant_penalty_is():
    """After a half-life the penalty is half of what it was, and at step 0 it is all of it."""
    annealed, constant = (
        point_game(objective="least_squares", penalty_form="r1", batch_norm=False, **settings)
        for settings in ({"penalty": 2.0, "penalty_half_life": 50}, {"penalty": 1.0})
    )
    state, real = initial(annealed), point_data(N)[0]

    @functools.partial(jax.jit, static_argnums=1)
    def trained(step, which):
        game = (annealed, constant)[which]
        now = state.replace(step=step)
        fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
        return train_discriminator(now, real, fakes, game=game, axis_name=None)[0].params.disc

    at_start, at_end, expected = trained(jnp.int32(0), 0), trained(jnp.int32(50), 0), trained(jnp.int32(50), 1)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), at_end, expected)
    difference = jax.tree.map(lambda x, y: float(jnp.abs(x - y).max()), at_start, expected)
    assert max(jax.tree.leaves(difference)) > 1e-3


def test_clipping_bounds_every_parameter():
    game = point_game(objective="wasserstein", penalty=0.0, clip=0.01, batch_norm=False)
    state, _ = run(game, steps=2)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(state.params.disc)) == pytest.approx(0.01)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(state.params.gen)) > 0.1


def test_seeds_train_together_as_they_do_alone():
    game = point_game(batch_norm=False, penalty=0.0)
    step = functools.partial(continuous_step, game=game)
    start = functools.partial(init_state, networks=game.networks, optimizers=game.optimizers)
    keys = jax.random.split(jax.random.key(0), 3)
    together, _ = jax.jit(jax.vmap(lambda key: step(start(key), point_data(N), INDEX)))(keys)
    alone, _ = jax.jit(lambda key: step(start(key), point_data(N), INDEX))(keys[1])
    for many, one in zip(jax.tree.leaves(together.params), jax.tree.leaves(alone.params), strict=True):
        np.testing.assert_allclose(many[1], one, atol=1e-5)


def test_it_learns():
    """The mean of the samples comes to the data's."""
    game = point_game(optimizer=optax.adam(3e-3, b1=0.5), batch_norm=False)

    @jax.jit
    def many(state):
        def body(state, seed):
            return continuous_step(state, point_data(64, seed=seed), jnp.arange(64), game=game)

        return jax.lax.scan(body, state, jnp.arange(800))

    def error(state):
        fakes = generate(state, jax.random.key(0), jnp.arange(1024), networks=game.networks)
        return float(jnp.abs(jnp.mean(fakes.logits, axis=0) - jnp.array([2.0, -1.0])).max())

    state = initial(game)
    assert error(many(state)[0]) < 0.25 < 0.9 < error(state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "magic"}, "legal: boundary_seeking, .*hinge"),
        ({"divergence": "jensen"}, "jensen_shannon"),
        ({"penalty_form": "exact"}, "legal: gradient_norm, unweighted, r1, wgan_gp"),
        ({"penalty": -1.0}, "not be negative"),
        ({"clip": -1.0}, "not be negative"),
        ({"objective": "hinge"}, "'hinge' has none; use one of unweighted, r1, wgan_gp, or penalty=0"),
        ({"penalty_half_life": -1.0}, "penalty_half_life is -1.0"),
        ({"disc_steps": 0}, "at least 1"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ContinuousSettings(**settings)
