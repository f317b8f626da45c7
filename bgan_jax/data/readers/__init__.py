"""Readers, one file per format: functions from a request to a :class:`bgan_jax.data.source.Source`."""
