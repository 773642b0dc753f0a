"""The manifest of a transfer: model, files and page."""
