"""A small merchant that uses a published SDK for everything it says to WeChat and hears from it.

Nothing of Saoma is in it. `python driver.py SDK`; the first line of its input is who it is, each
further line one thing to do; each is answered with one line, `{"value": ...}` or `{"error":
"..."}`. It listens for notifications at the address that it tells first.
"""

import importlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sdk = importlib.import_module(f"with_{sys.argv[1]}").Sdk(json.loads(sys.stdin.readline()))
# What the SDK has taken for genuine since it was asked last.
notices = []


def say(answer):
    print(json.dumps(answer), flush=True)


class Notified(BaseHTTPRequestHandler):
    def do_POST(self):
        kind = "refund" if self.path == "/refund" else "pay"
        notice, reply = sdk.hear(kind, self.rfile.read(int(self.headers["content-length"])))
        if notice is not None:
            notices.append({"kind": kind, **notice})
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Notified)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
say({"value": {"pay": f"{address}/pay", "refund": f"{address}/refund"}})

for line in sys.stdin:
    fields = json.loads(line)
    name = fields.pop("do")
    try:
        if name == "notices":
            value, notices[:] = list(notices), []
        else:
            value = getattr(sdk, name)(**fields)
        say({"value": value})
    except Exception as error:
        say({"error": getattr(error, "errcode", None) or str(error)})
