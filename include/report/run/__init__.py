"""The report of a run: model, work list, pages, workbook and run.json. Enter by `writer`."""
