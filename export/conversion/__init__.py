"""From the traced processing graph to the one that ships: its arithmetic (float32 or int8), then its wire."""
