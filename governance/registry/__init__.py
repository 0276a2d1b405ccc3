"""The model registry behind one port."""
