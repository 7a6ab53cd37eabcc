"""`python -m benchmarks private`: one private LeNet inference beside libraries for private inference."""
