"""Is a split worth it? Operations, bytes and latency of every way to run a network; `phasekey plan`."""
