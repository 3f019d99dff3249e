"""Stand in for Grafana: check the mounts and the password, then answer every request."""

import http.server
import os
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_words: object) -> None:
        pass


Path("/var/lib/grafana/written").touch()
for folder in ("/var/lib/grafana-dashboards", "/etc/grafana/provisioning"):
    if not list(Path(folder).iterdir()):
        raise SystemExit(f"{folder} is empty.")
if not os.environ["GF_SECURITY_ADMIN_PASSWORD"]:
    raise SystemExit("GF_SECURITY_ADMIN_PASSWORD is empty.")
http.server.ThreadingHTTPServer(("", 3000), Handler).serve_forever()
