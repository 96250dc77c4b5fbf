"""What ``mega-codegen init`` writes: an event with an example, a shared type, and a workflow that checks both.

Text by path, and nothing else; ``write`` creates the files. The protocol is referred to by its ``$id`` and not copied.
"""

from __future__ import annotations

from collections.abc import Mapping

_EVENT = """\
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "OrderPlaced",
  "description": "A customer placed an order.",
  "allOf": [{"$ref": "urn:mega:protocol:1"}],
  "properties": {
    "event": {
      "properties": {
        "domain": {"const": "shop"},
        "name": {"const": "order.placed"},
        "version": {"const": 1},
        "attributes": {
          "type": "object",
          "required": ["order_id", "total", "ship_to"],
          "properties": {
            "order_id": {"description": "Key of the order.", "type": "string", "format": "uuid"},
            "total": {"description": "To pay in euros, taxes included.", "type": "string", "format": "decimal"},
            "ship_to": {"description": "Where it is sent.", "$ref": "address.schema.json"}
          }
        }
      },
      "required": ["domain", "name", "attributes"]
    }
  },
  "examples": [
    {
      "protocol": "mega",
      "version": 1,
      "event": {
        "domain": "shop",
        "name": "order.placed",
        "version": 1,
        "timestamp": "2026-01-31T12:00:00Z",
        "subject": "customer-42",
        "publisher": "web-shop",
        "attributes": {
          "order_id": "61fcc874-624e-40f8-8fd7-0e663c7837e8",
          "total": "19.99",
          "ship_to": {"street": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
        }
      }
    }
  ]
}
"""

_TYPE = """\
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Address",
  "description": "A postal address.",
  "type": "object",
  "required": ["street", "city", "country"],
  "properties": {
    "street": {"description": "Street and number.", "type": "string", "minLength": 1},
    "city": {"description": "City, as it is written there.", "type": "string", "minLength": 1},
    "country": {"description": "ISO 3166 code.", "type": "string", "pattern": "^[A-Z]{2}$"}
  }
}
"""

_WORKFLOW = """\
name: mega-codegen
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install 'mega-typed[codegen]'
      - run: mega-codegen lint schemas/ --format github
      - run: mega-codegen schemas/ -o generated/ --check --format github
"""

FILES: Mapping[str, str] = {
    "schemas/shop/order_placed.v1.schema.json": _EVENT,
    "schemas/shop/address.schema.json": _TYPE,
    ".github/workflows/mega-codegen.yml": _WORKFLOW,
}
"""The text of each file by its path, relative to the folder that is started."""

NEXT_STEPS = """\
Next, where the folder schemas/ is:
  mega-codegen schemas/ -o generated/   # write the classes; commit them with the schemas
  mega-codegen lint schemas/            # what should not stay in a schema
Then, in Python:
  from generated.shop import Address, OrderPlaced, OrderPlacedSubscriber
"""
