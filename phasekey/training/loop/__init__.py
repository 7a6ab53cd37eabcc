"""From images to trained weights: batches, steps, epochs, and a state from which a run goes on."""
