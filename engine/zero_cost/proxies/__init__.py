"""What a network promises before any training: its NTK's condition number, and how many linear regions it has."""
