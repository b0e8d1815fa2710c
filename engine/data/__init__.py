"""Images: how data sets are loaded, split, batched and augmented."""
