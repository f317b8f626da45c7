"""Evaluation metrics of generators: exact for enumerable data, estimated by stated protocols otherwise.

======================================================  ===================================================
question                                                file
======================================================  ===================================================
are divergences and gradients as the theory says?       ``enumerable.py``, ``exact.py``
how biased and noisy is a gradient estimator?           ``estimator_quality.py``
does a classifier recognise samples, of every class?    ``classifier.py``, ``classifier_score.py``
what divergence does a newly trained critic find?       ``fresh_critic.py``
how far apart are two sets of images, in features?      ``moments.py``, ``frechet.py``, ``kernel_distance.py``
does generated text have the n-grams of real text?      ``ngrams.py``
does a model of generated text predict real text?       ``character_model.py``
which modes of a known mixture are covered?             ``coverage.py``, ``planar.py``
does a palette generator use the colours as real ones?  ``palette_distance.py``
is F the log density ratio that it should be?           ``calibration.py``
======================================================  ===================================================

All functions take and return plain arrays. A Monte-Carlo estimate comes with its standard error or its floor, which is
the value of the same estimate for real data.
"""
