"""What every experiment shares: flags, the run from flags to a trained generator, and the judge of its samples.

===================  ==========================================================================
file                 holds
===================  ==========================================================================
``flags.py``         command-line flags from a typed record
``run.py``           the flags of every training run; opening, feeding, training, continuing it
``discrete.py``      a run whose data are bits, palette indices, or symbols
``continuous.py``    a run whose data are pictures of real-valued pixels
``showing.py``       samples as a grid of pictures, or as lines
``restoring.py``     the generator of a run that was trained earlier
``judging.py``       a classifier of real data that judges samples
``run_record.py``    a run's folder read back
``report_page.py``   one HTML page of one run or of several; ``report_curves.py`` draws and explains its curves
``run_log.py``       the warnings that a run keeps for its page, and the page at its end
``distances.py``     Frechet and kernel distances of samples, with their floor
``measuring.py``     a run on continuous pictures that is measured by them on its way
===================  ==========================================================================
"""
