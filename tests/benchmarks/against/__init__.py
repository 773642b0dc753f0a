"""``make bench AGAINST=<commit>``: this build and another one on the same office, in turn, and peers beside both.

`builds` makes the other build and talks to both, `driver` runs inside each of them, `measures` takes the figures, and
`table` compares them with the targets.
"""
