"""Authorization function of the MLflow server: only the accounts named in its configuration write, all others read.

MLflow's permission READ does not stop an account from creating experiments, whose artefacts then lie where it says, in
any folder that the server can write. MLflow calls `authorize` for each request that needs a login, by its setting
`authorization_function`. The module imports nothing of the platform, because the container of MLflow has it alone.
"""

from __future__ import annotations

import configparser
import functools
import json
import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.datastructures import Authorization

#: Section and key of MLflow's login settings (`MLFLOW_AUTH_CONFIG_PATH`) that names the accounts that may write.
SECTION, KEY = "platform", "writers"
#: Rules of the routes that only read although their method is POST.
SEARCHES = re.compile(
    r"/(?:ajax-)?api/[23]\.0/?mlflow/(?:"
    r"(?:experiments|runs|logged-models|traces|datasets|issues|prompt-optimization/jobs)/search|experiments/search-datasets"
    r"|registered-models/get-latest-versions|artifacts/presigned-download-url"
    r"|traces/(?:metrics|calculate-filter-correlation|batchGetInfos))"
)
#: Routes that do more than read although their method is GET: the assistant runs commands, the gateway calls others.
ACTIVE = re.compile(r"/gateway/|/(?:ajax-)?api/[0-9.]+/mlflow/(?:assistant|gateway-proxy)")
READS = {"GET", "HEAD", "OPTIONS"}
#: Request fields by which a client says where files lie, in both spellings that MLflow reads, with what they may name.
LOCATIONS = {
    "artifact_location": re.compile(r""),
    "artifactLocation": re.compile(r""),
    "source": re.compile(r"|(?:models|runs|mlflow-artifacts):/.*"),
}


def authorize() -> Authorization | Response:
    """MLflow's basic authentication of the current Flask request, then 403 for a write of an account that only reads.

    For every account 400 where an experiment or a model version names files outside MLflow's own artefact store.
    """
    from flask import make_response, request
    from mlflow.server.auth import authenticate_request_basic_auth
    from werkzeug.datastructures import Authorization

    authorization = authenticate_request_basic_auth()
    if not isinstance(authorization, Authorization):
        return authorization
    rule = request.url_rule.rule if request.url_rule else None
    if authorization.username not in writers() and not reads(request.method, request.path, rule):
        return make_response("Permission denied: this account only reads", 403)
    creates = rule is not None and rule.endswith(("/experiments/create", "/model-versions/create"))
    if creates and not inside_store(request.get_json(force=True, silent=True)):
        return make_response("Files outside MLflow's artefact store are refused", 400)
    return authorization


@functools.cache
def writers() -> frozenset[str]:
    """The accounts that may write. Raises KeyError when the login settings do not name them."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(os.environ["MLFLOW_AUTH_CONFIG_PATH"], encoding="utf-8")
    return frozenset(settings[SECTION][KEY].split())


def reads(method: str, path: str, rule: str | None) -> bool:
    """Whether a request only reads. `rule` is the Flask rule that serves it; None for MLflow's FastAPI routes."""
    if ACTIVE.match(path) or ACTIVE.match(rule or ""):
        return False
    if rule == "/graphql":
        return _only_queries()
    return method in READS or (method == "POST" and rule is not None and SEARCHES.fullmatch(rule) is not None)


def inside_store(body: Any) -> bool:
    """Whether a request to create an experiment or a model version leaves the place of the files to MLflow."""
    if isinstance(body, str):  # MLflow accepts JSON inside a JSON string
        try:
            body = json.loads(body)
        except ValueError:
            return False
    if body is None:
        return True
    if not isinstance(body, dict):
        return False
    return all(pattern.fullmatch(str(body.get(name) or "")) for name, pattern in LOCATIONS.items())


def _only_queries() -> bool:
    from flask import request
    from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return False
    try:
        definitions = parse(body["query"]).definitions
    except GraphQLError:
        return False
    operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    return bool(operations) and all(each.operation is OperationType.QUERY for each in operations)
