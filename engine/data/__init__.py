"""Images: where they come from, how they are halved, batched and augmented."""
