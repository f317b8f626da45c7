"""How good a generator is: exact where the space can be listed, stated protocols where it cannot.

======================================================  ===================================================
question                                                file
======================================================  ===================================================
is every divergence and gradient what theory says?      ``enumerable.py``, ``exact.py``
how biased and noisy is a gradient estimator?           ``estimator_quality.py``
do generated digits look like digits, all of them?      ``classifier.py``, ``classifier_score.py``
how far are samples from data, to a fresh critic?       ``fresh_critic.py``
how far are two sets of images, in features?            ``moments.py``, ``frechet.py``, ``kernel_distance.py``
does generated text have the statistics of real text?   ``ngrams.py``
does it teach what predicting real text takes?          ``character_model.py``
which modes of a known mixture are found?               ``coverage.py``, ``planar.py``
does a palette generator use its colours?               ``palette_distance.py``
======================================================  ===================================================

Everything takes and returns plain arrays. A Monte-Carlo number comes with its standard error or its floor.
"""
