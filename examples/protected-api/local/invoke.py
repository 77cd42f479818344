"""Lambda's Invoke API for one function in Python, on a laptop: python3 local/invoke.py prices-python/index.py"""

import importlib
import json
import os
import pathlib
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

module = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(module.parent))
handler = importlib.import_module(module.stem).handler


class Invoke(BaseHTTPRequestHandler):
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        try:
            answer = handler(json.loads(event), None)
        except Exception as error:
            traceback.print_exc()
            self.send_header("X-Amz-Function-Error", "Unhandled")
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
        text = json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass  # wavepass local logs each request


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Invoke)
print("port", server.server_port, flush=True)
server.serve_forever()
