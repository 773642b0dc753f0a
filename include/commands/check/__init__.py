"""``planbridge check``: whether an installation and its vendors are ready for a night. Enter by `checking`."""
