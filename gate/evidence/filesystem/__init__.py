"""Facts from the files inside an image."""
