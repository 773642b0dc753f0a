"""The OpenAPI file of a sandbox, from the calls that its API declares and the pydantic models of their bodies."""

import re
from collections.abc import Iterable

from pydantic.json_schema import models_json_schema

from include.sandbox.common.api import Call, Handler
from include.sandbox.common.wire import Json

REFERENCE = "#/components/schemas/{model}"


def describe(vendor: str, calls: Iterable[tuple[Call, Handler]]) -> Json:
    """OpenAPI 3.1: every path and method, its parameters, and the schema of its body.

    The schema of an NDJSON body is that of one line.
    """
    declared = list(calls)
    models = dict.fromkeys(call.body for call, _ in declared if call.body is not None)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    paths: dict[str, Json] = {}
    for call, handler in declared:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, handler)
    info = {"title": f"{vendor} sandbox", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas.get("$defs", {})}}


def _operation(call: Call, handler: Handler) -> Json:
    places = [("path", name) for name in re.findall(r"\{(\w+)\}", call.path)]
    places += [("query", name) for name in call.query] + [("header", name) for name in call.headers]
    operation: Json = {
        "operationId": handler.__name__,
        "summary": handler.__doc__,
        "parameters": [
            {"name": name, "in": place, "required": place != "query", "schema": {"type": "string"}}
            for place, name in places
        ],
        "responses": {"default": {"description": "JSON"}},
    }
    if call.body is not None:
        schema = {"$ref": REFERENCE.format(model=call.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {call.media: {"schema": schema}}}
    return operation
