"""`python -m benchmarks soak`: two servers at saturation, while everything is changed under them."""
