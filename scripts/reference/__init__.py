"""The same runs in PyTorch, to hold handful against."""
