"""From a request's arrays to its answer's: admission, turns, batches, the run. Knows no gRPC and no keys."""
