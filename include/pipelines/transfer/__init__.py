"""Moves contacts to another office, stage by stage. Enter by `tasks`.

`plan` reads, checks and writes the manifest; `accept` asks the receiving user; `move` imports; `report` closes the run.
`include.commands.transfer` cancels a transfer and rolls it back.
"""
