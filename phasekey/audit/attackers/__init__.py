"""What attacks share: training, angles, posteriors, decoders of images, classifiers."""
