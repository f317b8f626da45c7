"""The parts of ``experiments/adversarial_classification.py``.

``systems.py`` names the ways to train the classifier, ``labelled_images.py`` puts data on the device, ``training.py``
trains one system and measures it, ``report.py`` makes the table and the picture.
"""
