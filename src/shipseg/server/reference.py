"""`/docs`: the reference of the API, made from its own description; no script, nothing fetched."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from shipseg.server.problems import KINDS

_EXAMPLES = """curl -F file=@harbour.jpg http://localhost:8000/v1/predict
curl -F file=@scene.tif -H 'Accept: application/geo+json' http://localhost:8000/v1/predict
curl -F file=@harbour.jpg -H 'Accept: image/png' \\
    'http://localhost:8000/v1/predict?layer=overlay' -o ships.png
curl -F file=@harbour.jpg -H 'Accept: text/csv' 'http://localhost:8000/v1/predict?min_score=0.3'
curl -F file=@large.tif http://localhost:8000/v1/jobs"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>shipseg API</title>
<link rel="stylesheet" href="docs/style.css">
</head>
<body>
<main>
<h1>shipseg API</h1>
<p class="lead">{lead} Version {version}.</p>
<nav><a href="./">Try it with a picture</a><a href="openapi.json">OpenAPI</a>
<a href="#examples">Examples</a><a href="#addresses">Addresses</a>
<a href="#bodies">Bodies</a><a href="#problems">Problems</a></nav>
<h2 id="examples">Examples</h2>
<pre><code>{examples}</code></pre>
<p>Where the server asks for keys, add <code>-H 'Authorization: Bearer KEY'</code>.</p>
<h2 id="addresses">Addresses</h2>
{operations}
<h2 id="bodies">Bodies</h2>
{schemas}
<h2 id="problems">Problems</h2>
<p>Every error is <code>application/problem+json</code>; decide by its <code>code</code>.</p>
<div class="wide"><table>
<thead>
<tr><th scope="col">code</th><th scope="col">status</th><th scope="col">meaning</th></tr>
</thead>
<tbody>{problems}</tbody>
</table></div>
</main>
</body>
</html>
"""


def render_reference(description: dict[str, Any]) -> str:
    """Render an OpenAPI document as a page.

    Args:
        description: As `shipseg.server.openapi.describe` makes it.
    """
    operations = [
        _operation(path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [_schema(*item) for item in sorted(description["components"]["schemas"].items())]
    problems = [
        f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td>'
        f"<td>{escape(kind.title)}</td></tr>"
        for code, kind in KINDS.items()
    ]
    return _PAGE.format(
        lead=_prose(description["info"]["description"]),
        version=escape(description["info"]["version"]),
        examples=escape(_EXAMPLES),
        operations="".join(operations),
        schemas="".join(schemas),
        problems="".join(problems),
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = [
        (f"{item['name']}", _type(item["schema"]), item.get("description", ""))
        for item in operation.get("parameters", [])
    ]
    answers = [
        (status, ", ".join(answer.get("content", {})) or "no body", answer["description"])
        for status, answer in operation["responses"].items()
    ]
    prose = "".join(
        f"<p>{_prose(part)}</p>" for part in operation.get("description", "").split("\n\n")
    )
    return (
        f'<article><h3><span class="method {method}">{method}</span><code>{escape(path)}</code>'
        f"</h3>{prose}{_table('Parameters', parameters)}{_table('Answers', answers)}</article>"
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    fields = [
        (field, _type(facts), facts.get("description", ""))
        for field, facts in schema.get("properties", {}).items()
    ]
    return (
        f'<article id="{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{_prose(schema.get('description', ''))}</p>{_table('', fields)}</article>"
    )


def _table(title: str, rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    head = f"<h4>{title}</h4>" if title else ""
    body = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{_prose(text)}</td></tr>"
        for name, kind, text in ((n, _links(k), t) for n, k, t in rows)
    )
    return f'{head}<div class="wide"><table><tbody>{body}</tbody></table></div>'


def _type(schema: dict[str, Any]) -> str:
    """Say what a value may be, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "anything"))
    if kind == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{kind} {low:g}–{high:g}" if low is not None and high is not None else kind


def _links(text: str) -> str:
    """Let names of bodies lead to them."""
    return re.sub(r"\b([A-Z][a-z]+[A-Za-z]*)\b", r'<a href="#\1">\1</a>', escape(text))


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
