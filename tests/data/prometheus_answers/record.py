#!/usr/bin/env python3
"""Records what a real Prometheus answers to the questions that Pilothouse asks.

A proxy between the two; every exchange becomes a file NN.json of this folder's form:

    record.py http://127.10.1.1:9090 FOLDER &
    PROMETHEUS_URL=http://127.0.0.1:9999 PILOTHOUSE_LIVE_PAIR=shop/cart/CANARY/STABLE \
        cargo test --lib backends::prometheus::recorded -- --nocapture live

Then the files are renamed by what they show. They were recorded on `live` (Prometheus 2.42) with the canary of a copy of
`shop/cart` that answers 8 % errors and is three times as slow as stable; the names in them are those of that run.
"""
import http.server, json, pathlib, sys, urllib.error, urllib.parse, urllib.request

server, folder = sys.argv[1], pathlib.Path(sys.argv[2])
count = 0


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        request = urllib.request.Request(server + self.path, data=body or None, method=self.command)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        text, kind = answer.read(), answer.headers["content-type"]
        count += 1
        exchange = {
            "path": self.path,
            "form": dict(urllib.parse.parse_qsl(body.decode())),
            "status": answer.status,
            "contentType": kind,
            "body": json.loads(text) if kind == "application/json" else text.decode(),
        }
        (folder / f"{count:02}.json").write_text(json.dumps(exchange, indent=1) + "\n")
        self.send_response(answer.status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 9999), Proxy).serve_forever()
