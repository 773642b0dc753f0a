"""HTTP to a vendor: deadlines, retries, limits, strict JSON. Enter by `transport`, the one module with requests."""
