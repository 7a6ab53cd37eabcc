"""Data sets as their authors publish them, and scikit-learn's digits."""
