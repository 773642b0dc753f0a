"""Documents: JSON values as columns of text, put together by table and by unit.

Canonical: keys sorted, lists in the order of their CRM keys, UTF-8, no run time, never NaN. Equal data give equal
bytes (SCP-5). Every NUMERIC is exact. No value becomes a Python object on its way: whole columns are glued.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.schema import NOT_FINITE
from etl.transform.arrays import NULL, Flags, Ints, Objects
from etl.transform.mapping.fields import FieldTable

TEXT = pa.large_string()
# What a JSON string may not hold as it is.
TO_ESCAPE = r'["\\\x00-\x1f]'


@dataclass(frozen=True)
class Json:
    """JSON values, each as canonical text; a null stands for ``null``."""

    texts: pa.Array

    def take(self, at: Ints) -> "Json":
        """The values at these positions; null at -1."""
        return Json(self.texts.take(pa.array(at, mask=at < 0)))

    @property
    def is_null(self) -> Flags:
        """Where there is no value."""
        nulls: Flags = self.texts.is_null().to_numpy(zero_copy_only=False)
        return nulls


# JSON values, plain texts, which still have to be quoted, or one plain text for all rows.
Values: TypeAlias = Json | pa.Array | Objects | str | None


# CRM key -> the key under which the vendors know the record. A vendor matches records by the first key that it got.
# A move to another office (XFR-LINKS) or a merge of contacts (MATCH-MERGED) gives the record another key in the CRM.
# eMoney cannot rename a key: such a record keeps its first key at both vendors.
Aliases: TypeAlias = Mapping[str, str]
NO_ALIASES: Aliases = MappingProxyType({})


def keys(entity: str, ids: Ints, aliases: Aliases = NO_ALIASES) -> pa.Array:
    """The keys by which the vendors know these CRM records: ``account:5``."""
    own = _glued(f"{entity}:", pa.array(ids).cast(TEXT))
    known = {key: alias for key, alias in aliases.items() if key.startswith(f"{entity}:")}
    if not known:
        return own
    at = pc.index_in(own, value_set=pa.array(known.keys(), type=TEXT))
    return pc.coalesce(pa.array(known.values(), type=TEXT).take(at), own)


def quoted(values: pa.Array | Objects) -> Json:
    """Texts as JSON strings."""
    plain = _plain(values)
    strings = _glued('"', plain, '"')
    if _may_need_escapes(plain):
        is_odd = pc.fill_null(pc.match_substring_regex(plain, TO_ESCAPE), False)
        escaped = [orjson.dumps(text).decode() for text in plain.filter(is_odd).to_pylist()]
        strings = pc.replace_with_mask(strings, is_odd, pa.array(escaped, type=TEXT))
    return Json(strings)


def encoded(values: Objects) -> Json:
    """Python values as JSON, each on its own: for few, or where most are ``None``."""
    texts = [None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode() for value in values]
    return Json(pa.array(texts, type=TEXT))


def amounts(scaled: Ints, scale: int = 2) -> Json:
    """Scaled integers as JSON numbers, digit by digit; no value and a figure that is not finite are null."""
    is_figure = (scaled != NULL) & (scaled != NOT_FINITE)
    figures = np.where(is_figure, scaled, 0)
    whole, rest = np.divmod(np.abs(figures), 10**scale)
    codes, distinct = pd.factorize(rest)
    written = pa.array([str(one).zfill(scale).rstrip("0") or "0" for one in distinct.tolist()], type=TEXT)
    decimals = written.take(pa.array(codes, mask=~is_figure))
    texts = _glued(pa.array(whole).cast(TEXT), ".", decimals)
    is_negative = figures < 0
    return Json(pc.if_else(pa.array(is_negative), _glued("-", texts), texts) if is_negative.any() else texts)


def records(table: FieldTable, columns: Mapping[str, Values]) -> Json:
    """One object a row, by a field table; all columns are of one length."""
    parts: list[str | pa.Array] = []
    between = "{"
    for name, column in sorted(table):
        values = columns[column]
        between += f'"{name}":'
        if values is None or isinstance(values, str):
            between += orjson.dumps(values).decode()
        else:
            texts, quote = _texts(values)
            parts += [between + quote, texts]
            between = quote
        between += ","
    return Json(_glued(*parts, between[:-1] + "}", null="null"))


def record(columns: Mapping[str, Values]) -> Json:
    """One object a row whose fields are named as the columns."""
    return records(tuple((name, name) for name in columns), columns)


def grouped(items: Json, group_no: Ints, count: int) -> Json:
    """Items as one list a group; those of one group keep their order."""
    return Json(_glued("[", joined(items.texts, group_no, count, ","), "]"))


def joined(texts: pa.Array, group_no: Ints, count: int, between: str) -> pa.Array:
    """The texts of each of ``count`` groups as one, in their order."""
    if len(group_no) and (np.diff(group_no) < 0).any():
        order = np.argsort(group_no, kind="stable")
        texts, group_no = texts.take(pa.array(order)), group_no[order]
    bounds = np.searchsorted(group_no, np.arange(count + 1))
    lists = pa.ListArray.from_arrays(pa.array(bounds, type=pa.int32()), texts)
    return pc.binary_join(lists, pa.scalar(between, TEXT))


def no_lists(count: int) -> Json:
    """An empty list for each row."""
    return Json(pa.array(["[]"] * count, type=TEXT))


def no_texts(count: int) -> Json:
    """Nothing at all for each row, which is no JSON by itself."""
    return Json(pa.array([""] * count, type=TEXT))


def one_after_the_other(first: Json, second: Json) -> Json:
    """The rows of two columns."""
    return Json(pa.concat_arrays([first.texts, second.texts]))


@dataclass(frozen=True)
class Documents:
    """The documents of all units by unit number, as columns: of canonical JSON, and of SHA-256 hashes of such texts."""

    texts: Mapping[str, Json]
    hashed: Mapping[str, Json]

    def of_units(self, units: pd.DataFrame, has_document: Flags) -> pd.DataFrame:
        """The units that have a document, with the texts as bytes and the hashes in hex.

        ``units`` brings the other columns; it and ``has_document`` are by unit number.
        """
        rows = units[has_document].reset_index(drop=True)
        chosen = pa.array(has_document)
        content = {
            id(column): column.texts.filter(chosen).cast(pa.large_binary())
            for column in (*self.texts.values(), *self.hashed.values())
        }
        texts = {name: pd.arrays.ArrowExtensionArray(content[id(column)]) for name, column in self.texts.items()}
        hashes = {name: pd.array(_sha256(content[id(column)]), dtype="str") for name, column in self.hashed.items()}
        return rows.assign(**texts, **hashes)


def _sha256(content: pa.Array) -> list[str]:
    """The hash of each of these texts, none of which is null, in hex."""
    _, offsets, characters = content.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[content.offset : content.offset + len(content) + 1].tolist()
    whole = memoryview(characters or b"")
    return [hashlib.sha256(whole[start:end]).hexdigest() for start, end in pairwise(bounds)]


def _texts(values: Json | pa.Array | Objects) -> tuple[pa.Array, str]:
    """JSON texts, and the quotation marks that they lack: a column of plain texts is spared a copy with them."""
    if isinstance(values, Json):
        return values.texts, ""
    plain = _plain(values)
    if plain.null_count or _may_need_escapes(plain):
        return quoted(plain).texts, ""
    return plain, '"'


def _plain(values: pa.Array | Objects) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type=TEXT)


def _may_need_escapes(plain: pa.Array) -> bool:
    """Whether a quotation mark, a backslash or a control character is anywhere among the bytes of these texts."""
    content = plain.buffers()[2]
    if content is None:
        return False
    characters = np.frombuffer(content, dtype=np.uint8)
    return bool(((characters < ord(" ")) | (characters == ord('"')) | (characters == ord("\\"))).any())


def _glued(*parts: str | pa.Array, null: str | None = None) -> pa.Array:
    """The parts of each row as one text; a row with a null is null, or has ``null`` in its place."""
    whole = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in parts]
    if null is None:
        return pc.binary_join_element_wise(*whole, pa.scalar("", TEXT))
    return pc.binary_join_element_wise(*whole, pa.scalar("", TEXT), null_handling="replace", null_replacement=null)
