"""What a run shows to people: sample grids, curves, and an HTML page."""
