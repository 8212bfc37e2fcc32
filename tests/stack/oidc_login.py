"""A login by OpenID Connect, inside Airflow's image: FAB with webserver_config.py, and a provider on loopback.

Prints the account that FAB made for each person. The provider answers as OpenID Connect Core says: discovery, code with
PKCE, signed ID token, userinfo. Run with OIDC_* and AIRFLOW_USERS in the environment, a free port in OIDC_ISSUER.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwk, jwt

ISSUER = os.environ["OIDC_ISSUER"]
KEY = jwk.RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
PEOPLE = {
    "bob": {"preferred_username": "bob", "email": "bob@example.org", "groups": ["sentiment-approvers", "cyclists"]},
    "eve": {"preferred_username": "eve", "email": "eve@example.org", "groups": []},
    "mallory": {"preferred_username": "Sentiment", "email": "m@example.org", "groups": ["sentiment-admins"]},
}
#: Query of the last request for a code: nonce and PKCE challenge.
REQUEST: dict[str, str] = {}


class Provider(BaseHTTPRequestHandler):
    """An OpenID Connect provider; the code and the access token are the person's name."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/.well-known/openid-configuration":
            endpoints = {f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("authorization", "token", "userinfo")}
            algorithms = {"id_token_signing_alg_values_supported": ["RS256"]}
            self.reply({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **endpoints, **algorithms})
        elif path == "/keys":
            self.reply({"keys": [KEY.as_dict(private=False)]})
        else:
            person = self.headers["Authorization"].removeprefix("Bearer ")
            self.reply({"sub": person, **PEOPLE[person]})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == REQUEST["code_challenge"], "PKCE"
        person, now = form["code"][0], int(time.time())
        claims = {"iss": ISSUER, "aud": os.environ["OIDC_CLIENT_ID"], "sub": person, "iat": now, "exp": now + 60}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, {**claims, "nonce": REQUEST["nonce"]}, KEY)
        self.reply({"access_token": person, "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def reply(self, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Requests are not logged."""


def main() -> None:
    """Sign each person in, and print the roles of the account, or None."""
    from airflow.providers.fab.www.app import create_app

    address = urlsplit(ISSUER)
    server = ThreadingHTTPServer((str(address.hostname), int(address.port or 80)), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = create_app(enable_plugins=False)
    accounts = {}
    for person, claims in PEOPLE.items():
        with app.test_client() as browser:
            start = browser.get("/login/oidc")
            assert start.location.startswith(f"{ISSUER}/authorization"), start.location
            query = {name: values[0] for name, values in parse_qs(urlsplit(start.location).query).items()}
            REQUEST.update(query)
            browser.get("/oauth-authorized/oidc", query_string={"code": person, "state": query["state"]})
        with app.app_context():
            manager = app.appbuilder.sm
            user = manager.find_user(email=claims["email"])
            accounts[person] = sorted(role.name for role in user.roles) if user else None
            if user:
                user.roles.clear()
                manager.session.delete(user)
                manager.session.commit()
    print(json.dumps(accounts))


if __name__ == "__main__":
    main()
