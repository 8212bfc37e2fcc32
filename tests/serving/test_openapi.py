"""Whatever the OpenAPI document allows, and what it does not, gets an answer that the document names; never a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.serving.listening import listening

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = {
    "POST /v1/predict",
    "POST /v1/feedback",
    "GET /v1/model",
    "GET /v1/predictions/{prediction_id}",
    "POST /v1/erasure",
    "GET /v1/erasure/{request_id}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_every_operation_answers_as_its_document_says(settings, key, mode):
    with listening(settings) as port:
        document = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        tried = set()
        for found in document.get_all_operations():
            operation = found.ok()
            tried.add(operation.label)
            if mode is GenerationMode.NEGATIVE and not (list(operation.iter_parameters()) or list(operation.body)):
                continue  # nothing of it can be invalid

            @examples(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case):
                case.call_and_validate(headers={"X-API-Key": key}, checks=CHECKS, timeout=10)

            ask()
    assert tried == OPERATIONS
