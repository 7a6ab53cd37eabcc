"""`python -m benchmarks edge`: what the SDK costs a device, in time, memory and room."""
