"""Facts for the STIG baseline of an image."""
