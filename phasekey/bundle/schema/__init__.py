"""The manifest's schema, the Python that is compiled from it, and a check in words that name the field."""
