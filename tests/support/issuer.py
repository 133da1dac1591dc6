"""An issuer of JSON Web Tokens on the loopback, with a JWKS of its own."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example", "beatstitch"


class Issuer:
    """Signs tokens, and says with which keys."""

    def __init__(self) -> None:
        self.keys: dict[str, object] = {}
        self.fetches = 0
        self.away = False
        self.more: list[dict] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                self.send_response(503 if issuer.away else 200)
                self.end_headers()
                self.wfile.write(b"" if issuer.away else issuer.document())

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def new_key(self, kid: str, *, curve: bool = True) -> None:
        self.keys[kid] = (
            ec.generate_private_key(ec.SECP256R1())
            if curve
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    def document(self) -> bytes:
        entries = []
        for kid, key in self.keys.items():
            curve = isinstance(key, ec.EllipticCurvePrivateKey)
            maker = ECAlgorithm if curve else RSAAlgorithm
            entry = json.loads(maker.to_jwk(key.public_key()))
            entries.append({**entry, "kid": kid, "alg": "ES256" if curve else "RS256"})
        return json.dumps({"keys": [*entries, *self.more]}).encode()

    def token(self, kid: str = "one", *, key=None, alg: str = "", headers=None, **claims) -> str:
        key = key or self.keys[kid]
        alg = alg or ("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada",
            "tenant": "acme",
            "role": "editor",
            "exp": time.time() + 60,
            **claims,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, key, alg, headers={"kid": kid, **(headers or {})})

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
