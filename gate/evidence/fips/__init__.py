"""What programs in an image say of the cryptography that they were built with. Facts; nothing is judged yet."""
