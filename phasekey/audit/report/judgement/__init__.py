"""What the figures of an audit mean: grades, verdicts, their limits, thresholds, and the words for them."""
