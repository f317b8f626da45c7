"""Sampling from a trained generator: samples, interpolation between latents, importance resampling."""
