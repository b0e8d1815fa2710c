"""ISTA-NAS: sparse coding of architectures, in its two-stage and its one-stage form."""
