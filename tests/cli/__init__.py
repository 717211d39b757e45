"""The command line itself: what it imports, what its smaller commands say."""
