"""What one training step computes: Algorithm 1 and its relatives, as pure functions of state, data and keys."""
