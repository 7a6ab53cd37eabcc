"""Our server beside those that people run: the same graph, threads, cores and client for all."""
