"""The ways of reading, one file each: a function from a request to a :class:`bgan_jax.data.source.Source`."""
