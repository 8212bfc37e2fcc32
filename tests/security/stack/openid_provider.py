"""An OpenID Connect provider on loopback: discovery, keys, authorization code with PKCE, signed ID tokens, userinfo.

A person signs in by HTTP Basic at the authorization endpoint. A test may replace `identify`, which makes the ID token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = ("airflow", "secret of the client")
Claims = dict[str, Any]


def new_key() -> RSAKey:
    """A private key with the id that the provider publishes."""
    return RSAKey.generate_key(2048, {"kid": "tests", "use": "sig", "alg": "RS256"})


@dataclass
class OpenIdProvider:
    """People by name with their password and claims, and what was issued to them."""

    issuer: str = ""
    key: RSAKey = field(default_factory=new_key)
    people: dict[str, tuple[str, Claims]] = field(default_factory=dict)
    identify: Callable[[Claims], str | None] = lambda claims: None  # set by `serving`
    #: Requests by code, claims by access token; a code is used once.
    codes: dict[str, tuple[dict[str, str], Claims]] = field(default_factory=dict)
    tokens: dict[str, Claims] = field(default_factory=dict)

    def sign(self, claims: Claims) -> str:
        """An ID token as the provider means it."""
        return jwt.encode({"alg": "RS256", "kid": "tests"}, claims, self.key)

    def metadata(self) -> Claims:
        """The discovery document. It allows unsigned tokens, as providers may."""
        endpoints = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/keys",
            **{f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in endpoints.items()},
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none"],
        }

    def authorize(self, query: dict[str, str], login: tuple[str, str] | None) -> str | None:
        """Address to return to with a code; None asks for the person's login."""
        if login is None or login[0] not in self.people or self.people[login[0]][0] != login[1]:
            return None
        assert query["client_id"] == CLIENT[0]
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query, self.people[login[0]][1]
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str], client: tuple[str, str] | None) -> Claims | None:
        """Tokens for a code, its verifier and the client's secret; None refuses."""
        query, person = self.codes.pop(form.get("code", ""), ({}, {}))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not query or client != CLIENT or challenge != query["code_challenge"]:
            return None
        if form.get("redirect_uri") != query["redirect_uri"]:
            return None
        access_token, now = secrets.token_urlsafe(16), int(time.time())
        self.tokens[access_token] = person
        claims = {"iss": self.issuer, "aud": CLIENT[0], "sub": person["sub"], "iat": now, "exp": now + 300}
        id_token = self.identify({**claims, "nonce": query["nonce"]})
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        return {**tokens, **({"id_token": id_token} if id_token else {})}

    def document(self, path: str, token: str | None) -> Claims | None:
        """What a GET of this path answers with this bearer token; None refuses."""
        if path == "/.well-known/openid-configuration":
            return self.metadata()
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return self.tokens.get(token or "") if path == "/userinfo" else None


class _Handler(BaseHTTPRequestHandler):
    provider: OpenIdProvider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/authorize":
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            self._answer(self.provider.document(address.path, token if scheme == "Bearer" else None))
            return
        target = self.provider.authorize(_single(address.query), self._basic())
        self.send_response(302 if target else 401)
        self.send_header("Location", target or "") if target else self.send_header("WWW-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(self.provider.exchange(_single(body), self._basic()) if self.path == "/token" else None)

    def _basic(self) -> tuple[str, str] | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        name, _, password = base64.b64decode(value).decode().partition(":")
        return name, password

    def _answer(self, document: Claims | None) -> None:
        body = json.dumps(document or {"error": "invalid_grant"}).encode()
        self.send_response(200 if document else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Nothing: requests carry codes."""


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def serving() -> Iterator[OpenIdProvider]:
    """A provider that answers on a port of loopback."""
    provider = OpenIdProvider()
    provider.identify = provider.sign
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
