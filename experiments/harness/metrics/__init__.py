"""Evaluation metrics of samples, and their mean and standard deviation over seeds.

=======================  ===================================================================================
file                     holds
=======================  ===================================================================================
``classifier_score.py``  a classifier of the run's own real data, and the scores of samples by it
``copies.py``            the share of samples that copy training images, and its warning
``distances.py``         Frechet and kernel distances of samples from held-out real images, with their floor
``extractors.py``        the features that distances compare: a classifier's, a published network's, the user's
``image_scores.py``      scores of images with labels or without
``mean_and_sd.py``       mean and standard deviation over seeds, of numbers and of whole results
=======================  ===================================================================================
"""
