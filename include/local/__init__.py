"""A local installation: what stands behind ``make``.

``setup.sh`` and ``setup.py`` fill the virtual environment; ``python -m include.local demo`` runs the weeknight refresh
once over a demo office, ``python -m include.local up`` keeps the same installation running. Whatever they write lies in
the ignored folder ``.planbridge`` of the checkout; every server listens on 127.0.0.1 only.
"""
