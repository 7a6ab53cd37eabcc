"""From a checkpoint or a bundle and a data set to the scene of the attacks."""
