"""The OpenAPI 3.1 document, made from the table of routes and the wire types."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import msgspec

from router.core.errors import Code
from router.http import wire
from router.http.problems import PROBLEMS, RETRY_AFTER_S
from router.http.respond import PROBLEM_JSON
from router.http.routes.operation import Good, Operation, Parameter

# A JSON document: `Any`, as in the standard library's own types of JSON.
Json = dict[str, Any]

_BODY_CODES: Final = (
    Code.INVALID_REQUEST,
    Code.MALFORMED_JSON,
    Code.REQUEST_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
)
_KEY_CODES: Final = (Code.UNAUTHENTICATED, Code.FORBIDDEN)
_SCHEME: Final = "api_key"
_REF: Final = "#/components/schemas/{name}"
_HEADERS: Final[dict[str, Json]] = {
    "Location": {
        "description": "Where the resource is.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotent-Replayed": {
        "description": "`true` where the client order id was known already, and nothing was done.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_RETRY_AFTER: Final[Json] = {
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "string", "enum": [str(RETRY_AFTER_S)]},
    }
}
_DESCRIPTION: Final = (
    "Price-competition execution: the connections quote, one order goes out. Amounts, prices and rates are "
    "decimal strings; times are RFC 3339 in UTC. Errors are `application/problem+json` and told apart by "
    "their `code`. A connection marked `pts` is a Post Trade Settlement account."
)


def document(operations: Sequence[Operation], *, keys: bool) -> bytes:
    """The document as JSON. `keys`: callers need an API key."""
    types: list[object] = [wire.Problem]
    for operation in operations:
        types += [answer.body for answer in operation.answers.values() if answer.body is not None]
        types += [part for answer in operation.answers.values() for part in answer.parts]
        types += [] if operation.body is None else [operation.body]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, Json] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation, keys=keys)
    components: Json = {"schemas": schemas}
    if keys:
        components["securitySchemes"] = {
            _SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key with scopes."}
        }
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
            "info": {"title": "caas-router", "version": version("caas-router"), "description": _DESCRIPTION},
            "servers": [{"url": "/"}],
            "tags": [{"name": tag} for tag in dict.fromkeys(o.tag for o in operations)],
            "paths": paths,
            "components": components,
        }
    )


def _operation(operation: Operation, *, keys: bool) -> Json:
    described: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation, keys=keys),
    }
    parameters = [_path_parameter(name) for name in operation.path_parameters]
    parameters += [_parameter("query", parameter) for parameter in operation.query]
    parameters += [_parameter("header", parameter) for parameter in operation.headers]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        content: Json = {"schema": {"$ref": _REF.format(name=operation.body.__name__)}}
        if operation.example is not None:
            content["example"] = operation.example
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if keys:
        described["security"] = [] if operation.scope is None else [{_SCHEME: [operation.scope.value]}]
    return described


def _path_parameter(name: str) -> Json:
    schema: Json = {"type": "string"}
    if name.endswith("_id"):
        schema["pattern"] = wire.ID_PATTERN
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(place: str, parameter: Parameter) -> Json:
    schema = msgspec.json.schema(parameter.kind)
    if parameter.default is not None:
        schema["default"] = parameter.default
    described: Json = {
        "name": parameter.name,
        "in": place,
        "description": parameter.summary,
        "schema": schema,
    }
    if parameter.required:
        described["required"] = True
    return described


def _responses(operation: Operation, *, keys: bool) -> Json:
    responses = {str(status): _good(answer) for status, answer in operation.answers.items()}
    for status, codes in _by_status(_codes(operation, keys=keys)).items():
        if str(status) not in responses:
            responses[str(status)] = _bad(status, codes)
    return dict(sorted(responses.items()))


def _codes(operation: Operation, *, keys: bool) -> list[Code]:
    codes = list(operation.problems)
    if operation.body is not None:
        codes += _BODY_CODES
    if operation.is_api:
        codes.append(Code.INVALID_REQUEST)  # an unknown query parameter
    if keys and operation.scope is not None:
        codes += _KEY_CODES
    codes.append(Code.INTERNAL_ERROR)
    return list(dict.fromkeys(codes))


def _by_status(codes: Iterable[Code]) -> Mapping[int, list[Code]]:
    grouped: dict[int, list[Code]] = defaultdict(list)
    for code in codes:
        grouped[PROBLEMS[code].status].append(code)
    return grouped


def _good(answer: Good) -> Json:
    schema: Json = {} if answer.body is None else {"$ref": _REF.format(name=answer.body.__name__)}
    if answer.body is None and answer.media_type != "application/json":
        schema = {"type": "string"}
    content: Json = {answer.media_type: {"schema": schema}}
    content |= {media_type: {"schema": {"type": "string"}} for media_type in answer.also}
    described: Json = {"description": answer.summary, "content": content}
    if answer.headers:
        described["headers"] = {name: _HEADERS[name] for name in answer.headers}
    return described


def _bad(status: int, codes: Sequence[Code]) -> Json:
    listed = ", ".join(f"`{code.value}`" for code in codes)
    described: Json = {
        "description": f"{HTTPStatus(status).phrase}: {listed}",
        "content": {PROBLEM_JSON: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    if status in (429, 503):
        described["headers"] = _RETRY_AFTER
    return described
