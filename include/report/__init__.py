"""The stewards' report of a run: a page, a worklist for spreadsheets and a summary for machines.

``writer.write_report`` makes the files from a ``model.RunReport``; ``comparison.compare_findings`` says what is new,
known and mended.
"""
