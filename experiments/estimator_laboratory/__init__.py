"""The parts of the estimator laboratory: its game, what it measures, what it trains, and its page."""
