"""A local installation: what stands behind ``make``.

``setup.sh`` and ``setup.py`` fill the virtual environment; ``python -m include.local demo`` runs the weeknight refresh
once over a demo office, ``python -m include.local up`` keeps the same installation running. All of them write to the
ignored folder ``.planbridge`` of the checkout; every server listens on 127.0.0.1 only.
"""
