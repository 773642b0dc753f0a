"""Profiles: one household, exactly once, never overwriting what an advisor typed.

Enter by `deliver`. `client` knows the API, `document` the shape of a case, `merge` the three-way merge.
"""
