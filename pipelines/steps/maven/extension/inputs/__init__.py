"""What modules are built from, as Maven knows it."""
