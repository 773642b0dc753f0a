"""Pure pandas: from the CRM's frames to the vendors' documents, and to the facts that the gate checks.

Enter by `profiles` and `emoney`, which assemble a shard. The rules are in `rules/`, the field tables in `mapping/`.
"""
