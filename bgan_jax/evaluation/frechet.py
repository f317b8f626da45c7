r"""Frechet distance between two sets of features, with its protocol in the result.

The distance depends on the features, on the reference images and on both sample counts, so the result records all
four. It is never called FID: that name refers to one Inception network and one protocol.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bgan_jax.evaluation.moments import Moments


class DistanceProtocol(NamedTuple):
    """The protocol of a distance: everything that it depends on besides the generated images.

    Attributes:
      features: the extractor and its training, e.g. ``"penultimate layer of the classifier of mnist10k, seed 0"``.
      reference: the data set and split of the reference images, for example ``"mnist10k held out"``.
      num_reference: number of reference images.
      num_generated: number of generated images.
    """

    features: str
    reference: str
    num_reference: int
    num_generated: int


class FrechetDistance(NamedTuple):
    """A Frechet distance, its two parts and its protocol.

    Attributes:
      value: squared Frechet distance, in squared units of the features.
      mean_part: squared distance of the means.
      covariance_part: the remaining term, of the covariances.
      protocol: what it depends on.
    """

    value: float
    mean_part: float
    covariance_part: float
    protocol: DistanceProtocol


def frechet_distance(
    *, reference: Moments, generated: Moments, features_name: str, reference_name: str
) -> FrechetDistance:
    r"""Computes the squared Frechet (2-Wasserstein) distance of the Gaussians with the two sets' moments.

    .. math:: |\mu_1 - \mu_2|^2
              + \mathrm{tr}\big(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2})^{1/2}\big)

    Dowson & Landau 1982 (https://doi.org/10.1016/0047-259X(82)90077-X). The root of the symmetric product is computed
    by eigendecomposition, so singular covariances (fewer images than features) need no regularising constant and give
    no complex numbers. The estimate is biased upwards by about 1/N: compare distances of equal counts only.

    Args:
      reference: moments of the reference images' features, at least 2 images.
      generated: moments of the generated images' features, at least 2 images.
      features_name: the extractor of the features, for the protocol.
      reference_name: data set and split of the reference, for the protocol.

    Returns:
      The distance with its protocol.

    Raises:
      ValueError: the dimensions differ, or there are too few images.

    Example:
      >>> from bgan_jax.evaluation.moments import feature_moments
      >>> reference, generated = feature_moments(np.eye(3)), feature_moments(np.eye(3) + 2.0)
      >>> frechet_distance(
      ...     reference=reference, generated=generated, features_name="pixels", reference_name="three points"
      ... ).value
      12.0
    """
    if reference.mean.shape != generated.mean.shape:
        raise ValueError(
            f"the features have {reference.mean.size} and {generated.mean.size} dimensions; use one extractor for both"
        )
    mean_part = float(np.sum(np.square(reference.mean - generated.mean)))
    covariance_part = _bures_squared(reference.covariance, generated.covariance)
    protocol = DistanceProtocol(
        features=features_name,
        reference=reference_name,
        num_reference=reference.num_samples,
        num_generated=generated.num_samples,
    )
    return FrechetDistance(
        value=mean_part + covariance_part, mean_part=mean_part, covariance_part=covariance_part, protocol=protocol
    )


def _bures_squared(first: np.ndarray, second: np.ndarray) -> float:
    """Computes tr(A + B - 2 (A^1/2 B A^1/2)^1/2) of two positive semi-definite matrices, clipped to at least 0."""
    eigenvalues, eigenvectors = np.linalg.eigh(first)
    # The root of A in its eigenbasis; the trace of the root of the product does not depend on the basis.
    root = eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))[None]
    product = root.T @ second @ root
    fidelity = np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0.0)))
    return float(max(np.trace(first) + np.trace(second) - 2 * fidelity, 0.0))
