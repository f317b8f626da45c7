"""From a trained generator to samples: drawing, interpolation between latents, importance resampling."""
