"""Variables for tests of apply functions, drawn by numpy: compiling a real initialiser takes longer than the test."""

import jax
import jax.numpy as jnp
import numpy as np


def random_variables(init, *inputs, scale=0.3):
    """Draws normal numbers with the shapes of ``init(key, *inputs)``; variances are positive."""
    generator = np.random.default_rng(0)
    shapes = jax.eval_shape(init, jax.random.key(0), *inputs)

    def draw(path, leaf):
        values = scale * generator.normal(size=leaf.shape).astype(np.float32)
        return jnp.asarray(1.0 + np.abs(values) if path[-1].key == "var" else values)

    return jax.tree_util.tree_map_with_path(draw, shapes)
