"""What runs: pipelines, commands, the local installation, the demo office and the vendors' sandboxes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout
DATA_FOLDER = Path(".planbridge")  # where no setting names another one; in the checkout
