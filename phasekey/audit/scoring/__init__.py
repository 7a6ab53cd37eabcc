"""From what attacks found to figures, beside chance and the raw input."""
