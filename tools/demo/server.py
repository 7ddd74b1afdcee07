# SPDX-License-Identifier: GPL-2.0-or-later
"""One sandbox's process: an HTTP server around one function.

Contract, the same as that of the usual FaaS platforms: it listens on
127.0.0.1:$PORT; GET /healthz answers 200 once the function can serve;
POST / with a JSON body is one request.

It waits in the kernel without a timeout: an idle sandbox must not touch its
own memory.
"""
import argparse
import collections
import json
import os
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler

import functions

LARGEST_REQUEST = 1 << 20


def _json(body):
	try:
		return json.loads(body)
	except ValueError as error:
		raise ValueError(f"the body is not JSON: {error}") from None


class Handler(BaseHTTPRequestHandler):
	def do_GET(self):
		if self.path == "/healthz":
			self._answer(200, {"function": self.server.function})
		else:
			self._answer(404, {"error": f"{self.path}: only GET /healthz and POST / are served"})

	def do_POST(self):
		begin = time.monotonic()
		try:
			length = int(self.headers.get("Content-Length", 0))
			if not 0 < length <= LARGEST_REQUEST:
				raise ValueError(f"a body of {length} bytes; 1 to {LARGEST_REQUEST} are taken")
			request = _json(self.rfile.read(length))
			if not isinstance(request, dict) or not isinstance(request.get("seed"), int):
				raise ValueError('the body is not {"seed": integer}')
		except ValueError as error:
			return self._answer(400, {"error": str(error)})
		self._answer(200, self.server.handle(request))
		self.server.recent.append((request, time.monotonic() - begin))

	def _answer(self, status, answer):
		body = json.dumps(answer).encode()
		self.send_response(status)
		self.send_header("Content-Type", "application/json")
		self.send_header("Content-Length", str(len(body)))
		self.end_headers()
		self.wfile.write(body)

	def log_request(self, code="-", size="-"):
		pass


# not http.server.HTTPServer, which asks DNS for its own name
class Server(socketserver.TCPServer):
	allow_reuse_address = True

	def __init__(self, function, port):
		self.function = function
		self.handle = functions.load(function)
		self.recent = collections.deque(maxlen=100)
		super().__init__(("127.0.0.1", port), Handler)


def main():
	parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	parser.add_argument("--function", required=True, choices=functions.NAMES)
	arguments = parser.parse_args()
	port = os.environ.get("PORT", "")
	if not port.isdecimal() or not 0 < int(port) < 65536:
		parser.error(f"PORT={port!r} in the environment is not a port number")
	with Server(arguments.function, int(port)) as server:
		while True:
			server.handle_request()


if __name__ == "__main__":
	sys.exit(main())
