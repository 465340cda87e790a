"""A proxy before an S3 server that breaks what it is told to break.

usage: fault_proxy.py UPSTREAM_PORT [PEM_FILE]

With a file of a certificate and its key it speaks TLS; the server behind it does not.

Prints its own port. Then takes one JSON object per line on stdin, a list of faults under "faults" and a number
"delay_ms" to wait before the first byte of every answer, and prints "ok". A fault applies to the next requests whose
line matches its regular expression "match", "times" times (default 1):

  status   answered by the proxy: "status", "code", optional "headers"
  reset    the connection is reset, before ("when": "before") or after ("after") the server did what was asked
  silent   nothing is answered until the client goes away
  cut      half of the body, then the end of the connection
  slow     the body byte by byte, "seconds" apart
  flip     one byte of the answer's body is another one
  damage   one byte of the request's body is another one
  range    Content-Range names another range
  longer   more bytes follow than the range had
  header   the answer's header "name" has the value "value"
"""

import json
import re
import socket
import ssl
import struct
import sys
import threading
import time

faults = []
delay = 0.0
lock = threading.Lock()


def take_fault(line):
    with lock:
        for fault in faults:
            if fault.get("times", 1) > 0 and re.search(fault["match"], line):
                fault["times"] = fault.get("times", 1) - 1
                return fault
    return {"kind": None}


def read_message(stream, is_answer=False, has_body=True):
    """(first line, header lines, body), or None at the end of the connection."""
    first = stream.readline()
    if not first:
        return None
    headers = []
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        headers.append(line)
    length, chunked = None, False
    for line in headers:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() == b"transfer-encoding" and b"chunked" in value.lower():
            chunked = True
    body = b""
    if not has_body or is_answer and first.split()[1] in (b"204", b"304"):
        return first, headers, body
    if chunked:
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        headers = [h for h in headers if not h.lower().startswith(b"transfer-encoding")]
        headers.append(b"Content-Length: %d\r\n" % len(body))
    elif length:
        body = stream.read(length)
    elif length is None and is_answer:
        body = stream.read()
    return first, headers, body


def flipped(body):
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0x40]) + body[middle + 1:] if body else body


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def own_answer(client, fault, has_body):
    body = b"<Error><Code>%s</Code></Error>" % fault.get("code", "").encode() if fault.get("code") else b""
    head = "HTTP/1.1 %d Fault\r\n" % fault["status"]
    for name, value in fault.get("headers", {}).items():
        head += "%s: %s\r\n" % (name, value)
    client.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + (body if has_body else b""))


def send_answer(client, fault, answer, kind, has_body):
    first, headers, body = answer
    if kind == "flip":
        body = flipped(body)
    if kind == "range":
        headers = [b"Content-Range: bytes 1-2/3\r\n" if h.lower().startswith(b"content-range") else h for h in headers]
    if kind == "longer":
        body += b"more"
        headers = [b"Content-Length: %d\r\n" % len(body) if h.lower().startswith(b"content-length") else h for h in headers]
    if kind == "header":
        name = fault["name"].encode()
        headers = [h for h in headers if not h.lower().startswith(name.lower() + b":")]
        headers.append(name + b": " + fault["value"].encode() + b"\r\n")
    client.sendall(first + b"".join(headers) + b"\r\n")
    if kind == "cut":
        client.sendall(body[: len(body) // 2])
        return False
    if kind == "slow":
        for at in range(len(body)):
            client.sendall(body[at:at + 1])
            time.sleep(fault["seconds"])
        return True
    client.sendall(body)
    return True


def secured(client, tls):
    """The connection inside TLS, or None when the client does not like the certificate."""
    try:
        return tls.wrap_socket(client, server_side=True) if tls else client
    except OSError:
        client.close()
        return None


def serve(client, upstream_port, tls):
    client = secured(client, tls)
    if client is None:
        return
    upstream = socket.create_connection(("127.0.0.1", upstream_port))
    incoming, outgoing = client.makefile("rb"), upstream.makefile("rb")
    try:
        while (request := read_message(incoming)) is not None:
            first, headers, body = request
            line = first.decode()
            has_body = not line.startswith("HEAD")
            fault = take_fault(line)
            kind = fault["kind"]
            if kind == "silent":
                client.recv(1)
                return
            if kind == "reset" and fault["when"] == "before":
                return reset(client)
            if kind == "status":
                own_answer(client, fault, has_body)
                continue
            if kind == "damage":
                body = flipped(body)
            upstream.sendall(first + b"".join(headers) + b"\r\n" + body)
            answer = read_message(outgoing, True, has_body)
            if answer is None:
                return
            if kind == "reset":
                return reset(client)
            if delay:
                time.sleep(delay)
            if not send_answer(client, fault, answer, kind, has_body):
                return
    except (OSError, ValueError):
        pass
    finally:
        for stream in (incoming, outgoing, client, upstream):
            try:
                stream.close()
            except OSError:
                pass


def accept(listener, upstream_port, tls):
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(client, upstream_port, tls), daemon=True).start()


def main():
    global delay
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, args=(listener, int(sys.argv[1]), tls), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        with lock:
            faults[:] = told.get("faults", [])
            delay = told.get("delay_ms", 0) / 1000
        print("ok", flush=True)


main()
