"""Evaluation metrics of samples: a digit classifier's score, distances in features, and their spread over seeds."""
