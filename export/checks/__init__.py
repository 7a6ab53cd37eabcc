"""What an export knows of its own graphs: proved, close to PyTorch, right on real images, at what cost."""
