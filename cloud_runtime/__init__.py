"""The cloud's part: serve the processing graph h = Φ(x) over gRPC. Sees x, never the key.

``cloud_runtime.server.start(ServerConfig(...))`` serves from within a program,
``python -m cloud_runtime`` as a process of its own.
"""
