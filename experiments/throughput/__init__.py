"""What ``experiments.benchmark`` is made of: the rows, our step, PyTorch's, the machine's peak, and taking turns."""
