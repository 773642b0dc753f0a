"""Life events (LIFE-EVENT): a couple is not the couple that the vendor has. Held until somebody confirms it."""
