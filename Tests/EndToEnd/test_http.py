"""The HTTP port: what it answers, and that bad, slow and hostile clients get a fitting answer and nothing else.

Searches go through a small searching tier of the test's own (finder_tier.c), which reads everything through the host.
"""

import base64
import contextlib
import http.client
import json
import re
import socket
import threading
import time
import urllib.parse

import pytest

import broker as harness
import clients


def chain_with_finder(directory, **settings):
    library = harness.build_finder(directory)
    extra = "http:\n  listen: 127.0.0.1:0\n" + "".join(f"  {key}: {value}\n" for key, value in settings.items())
    return harness.yaml(chain=[*harness.DEFAULT_CHAIN, "Finder"], plugin_paths=[library.parent], extra=extra)


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finder")
    made = harness.Broker(directory, chain_with_finder(directory, max_body_bytes="2KiB", client_timeout="2s",
                                                       max_searches=2, max_queued_searches=3)).start()
    yield made
    assert made.stop() == 0, made.log()[-4000:]


def ask(broker, method, target, body=None, headers={}):
    """(status, headers, decoded JSON or None)"""
    host, port = broker.http.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        raw = response.read()
        return response.status, response.headers, json.loads(raw) if raw else None
    finally:
        connection.close()


def said(broker, line, count):
    """Waits until the broker's log has the line so many times."""
    deadline = time.monotonic() + 60
    while broker.log().count(line) < count:
        assert time.monotonic() < deadline, f"no {count} lines with {line!r}"
        time.sleep(0.01)


def raw(broker, data, until_closed=True, timeout=60):
    host, port = broker.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(data)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            if not until_closed and b"\r\n\r\n" in answer:
                break
        return answer


def search(broker, topic, **fields):
    return ask(broker, "GET", f"/v1/search/{topic}?" + urllib.parse.urlencode(fields))


def refused(answer, status, code):
    assert answer[0] == status, answer
    assert answer[2]["error"]["code"] == code, answer
    assert answer[2]["error"]["message"]
    assert answer[1]["Content-Type"] == "application/json"


# -- small answers

def test_the_root_lists_what_there_is_and_health_says_that_it_serves(broker):
    status, headers, body = ask(broker, "GET", "/")
    assert status == 200 and "/v1/search/{topic}" in [row["path"] for row in body["endpoints"]]
    assert headers["Cache-Control"] == "no-store" and "Access-Control-Allow-Origin" not in headers
    assert ask(broker, "GET", "/health")[0::2] == (200, {"status": "ok"})


def test_topics_are_listed_with_their_offsets(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    clients.Confluent.produce(broker.bootstrap, topic, [(b"k", b"v")] * 3, partition=1)
    listed = {row["name"]: row for row in ask(broker, "GET", "/v1/topics")[2]["topics"]}
    assert listed[topic]["partitions"] == [{"partition": 0, "start_offset": 0, "end_offset": 0},
                                           {"partition": 1, "start_offset": 0, "end_offset": 3}]


def test_methods_that_a_path_does_not_know_are_refused_with_those_it_knows(broker):
    for method, target in [("DELETE", "/v1/topics"), ("PUT", "/v1/search/x"), ("POST", "/health"), ("HEAD", "/v1/search/x")]:
        status, headers, _ = ask(broker, method, target)
        assert status == 405 and "GET" in headers["Allow"]
    status, headers, body = ask(broker, "OPTIONS", "/v1/search/x")
    assert (status, headers["Allow"], body) == (204, "GET, POST, OPTIONS", None)
    status, headers, body = ask(broker, "HEAD", "/health")
    assert status == 200 and body is None and int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("target", ["/nothing", "/v1", "/v1/search", "/v1/search/a/b", "/health/x", "/v2/search/a",
                                    "/v1/search/..%2f..%2fetc%2fpasswd/x", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"])
def test_an_unknown_path_is_not_found(broker, target):
    refused(ask(broker, "GET", target), 404, "unknown_path")


@pytest.mark.parametrize("target", ["/%zz", "/%", "/v1/search/%ff", "/v1/search/a?q=%c3%28"])
def test_a_target_that_cannot_be_decoded_is_refused(broker, target):
    refused(ask(broker, "GET", target), 400, "bad_request")


def test_a_chain_that_cannot_search_says_so(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    refused(search(broker, topic, q="x"), 501, "search_not_offered")
    refused(ask(broker, "GET", "/v1/archive/segments"), 501, "no_archive")


def test_web_pages_of_other_names_and_origins_are_not_served(broker):
    port = broker.http.rsplit(":", 1)[1]
    refused(ask(broker, "GET", "/health", headers={"Host": "evil.example.com"}), 421, "wrong_host")
    refused(ask(broker, "GET", "/health", headers={"Host": f"evil.example.com:{port}"}), 421, "wrong_host")
    refused(ask(broker, "GET", "/health", headers={"Origin": "http://evil.example.com"}), 403, "foreign_origin")
    for host in (f"localhost:{port}", "LOCALHOST", "127.0.0.1", f"[::1]:{port}"):
        assert ask(broker, "GET", "/health", headers={"Host": host})[0] == 200


# -- searching

def test_records_come_back_as_they_were_produced(finder, topic):
    clients.create_topic(finder.bootstrap, topic, partitions=2)
    odd = b"\xff\xfe needle \x00"
    text = 'needle "quoted" \\ \n\t\x01\x7f \u2028 ünïcode 😀'.encode()
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k-0", odd), (None, text)], partition=1)
    producer = clients.confluent_kafka.Producer({"bootstrap.servers": finder.bootstrap})
    producer.produce(topic, b"needle with headers", b"", partition=0, timestamp=1_700_000_000_123,
                     headers=[("trace", b"4bf"), ("trace", b"\xff"), ("none", None)])
    producer.produce(topic, None, b"gone", partition=0, timestamp=1_700_000_000_124)
    assert producer.flush(30) == 0
    status, _, body = search(finder, topic, q="needle", order="newest")
    assert status == 200 and body["topic"] == topic and body["total"] == 3 and body["total_exact"] and not body["partial"]
    assert body["cursor"] is None and body["took_ms"] >= 0
    by_place = {(record["partition"], record["offset"]): record for record in body["records"]}
    assert by_place[1, 0]["key"] == "k-0"
    assert base64.b64decode(by_place[1, 0]["value"]["base64"]) == odd
    assert by_place[1, 1]["key"] is None and by_place[1, 1]["value"] == text.decode()
    last = body["records"][-1]
    assert (last["key"], last["value"], last["timestamp"]) == ("", "needle with headers", 1_700_000_000_123)
    assert last["time"] == "2023-11-14T22:13:20.123Z" and last["timestamp_type"] == "create"
    assert last["headers"] == [{"name": "trace", "value": "4bf"}, {"name": "trace", "value": {"base64": "/w=="}},
                               {"name": "none", "value": None}]
    tombstone = search(finder, topic, key="gone")[2]["records"]
    assert [record["value"] for record in tombstone] == [None]
    assert base64.b64decode(search(finder, topic, key_base64=base64.b64encode(b"k-0").decode())[2]["records"][0]["value"]["base64"]) == odd


def test_the_bounds_of_a_search_are_kept(finder, topic):
    clients.create_topic(finder.bootstrap, topic, partitions=3)
    producer = clients.confluent_kafka.Producer({"bootstrap.servers": finder.bootstrap})
    for number in range(30):
        producer.produce(topic, f"n{number}", b"k%d" % (number % 2), partition=number % 3, timestamp=1_700_000_000_000 + number * 1000)
    assert producer.flush(30) == 0
    def found(**fields):
        return sorted(int(record["value"][1:]) for record in search(finder, topic, q="n", limit=100, **fields)[2]["records"])
    assert found() == list(range(30))
    assert found(partition=1) == list(range(1, 30, 3))
    assert found(partition="0,2") == [number for number in range(30) if number % 3 != 1]
    assert found(key="k1") == list(range(1, 30, 2))
    assert found(since=1_700_000_010_000, until="2023-11-14T22:13:35Z") == list(range(10, 15))
    assert found(offset_from=2, **{"offset-to": 4}) == [6, 7, 8, 9, 10, 11]
    assert found(offset_from=1000) == []
    page = search(finder, topic, q="n", limit=20)[2]
    assert [record["value"] for record in page["records"]] == [f"n{number}" for number in range(29, 9, -1)]
    rest = search(finder, topic, q="n", limit=20, cursor=page["cursor"])[2]
    assert [record["value"] for record in rest["records"]] == [f"n{number}" for number in range(9, -1, -1)]
    assert rest["cursor"] is None
    cut = search(finder, topic, q="n29", max_value_bytes=1)[2]["records"][0]
    assert cut["value"] == "n" and cut["value_bytes"] == 3


def test_a_record_can_be_found_as_soon_as_it_is_acknowledged(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    for number in range(10):
        clients.Confluent.produce(finder.bootstrap, topic, [(None, b"word-%d." % number)])
        assert search(finder, topic, q=f"word-{number}.")[2]["total"] == 1


def test_a_body_means_the_same_as_a_query_string(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k", b"needle %d" % number) for number in range(5)])
    status, _, body = ask(finder, "POST", f"/v1/search/{topic}", json.dumps(
        {"q": "needle", "limit": 2, "partition": [0], "key": "k", "order": "newest", "since": None}))
    assert status == 200 and [record["offset"] for record in body["records"]] == [4, 3] and body["total"] == 5


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"q": {"a": 1}}', '{"q": 1.5}', '"q"', "\xff", "[" * 2000,
                                  '{"q": "\\ud800"}'])
def test_a_body_that_is_not_the_expected_json_is_refused(finder, topic, body):
    clients.create_topic(finder.bootstrap, topic)
    answer = ask(finder, "POST", f"/v1/search/{topic}", body.encode("latin-1"))
    assert answer[0] == 400 and answer[2]["error"]["message"]


@pytest.mark.parametrize("fields", [
    {}, {"q": " "}, {"q": "x", "limit": 0}, {"q": "x", "limit": 10_001}, {"q": "x", "limit": "many"}, {"q": "x", "order": "oldest"},
    {"q": "x", "since": "yesterday"}, {"q": "x", "partition": "-1"}, {"q": "x", "partition": "a"}, {"q": "x", "cursor": "!"},
    {"q": "x", "cursor": "AAAA", "order": "relevance"}, {"q": "x", "nonsense": 1}, {"q": "x", "offset_from": -1},
    {"q": "x", "budget": "-5"}, {"q": "x", "timeout": 0}, {"key": "a", "key_base64": "YQ=="}, {"key_base64": "%%"},
    {"q": "x", "limit": "99999999999999999999"}, {"q": "x", "since": "2023-02-29"}])
def test_a_field_that_is_wrong_is_refused(finder, topic, fields):
    refused(search(finder, topic, **fields), 400, "bad_request")


def test_what_is_not_there_is_said(finder, topic):
    refused(search(finder, topic, q="x"), 404, "unknown_topic")
    clients.create_topic(finder.bootstrap, topic, partitions=2)
    refused(search(finder, topic, q="x", partition=2), 404, "unknown_partition")
    assert search(finder, topic, q="x")[2]["records"] == []
    for odd in ["%2e%2e", "a%2fb", "a%00b", "%3Cscript%3E", "a" * 250, "%22%7D%5D", "caf%C3%A9"]:
        refused(search(finder, odd, q="x"), 400, "invalid_topic")


@pytest.mark.parametrize("query, status, code", [
    ("!error", 400, "bad_query"), ("!fail", 500, "search_failed"), ("!outside", 500, "search_failed"),
    ("!many", 500, "search_failed"), ("!nan", 500, "search_failed"), ("!status", 500, "search_failed")])
def test_a_tier_that_fails_or_lies_yields_an_error_and_never_records(finder, topic, query, status, code):
    clients.create_topic(finder.bootstrap, topic)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k", b"v")])
    answer = search(finder, topic, q=query)
    refused(answer, status, code)
    if query == "!error":
        assert answer[2]["error"]["message"] == "at character 1: expected a word"


def test_a_search_ends_at_its_deadline_and_says_that_it_is_partial(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k", b"v")])
    # A search that is not begun in its time is refused.
    status, _, body = search(finder, topic, q="!wait", timeout="2s")
    assert status == 200 and body["partial"] and body["reason"] == "the deadline passed" and 1900 <= body["took_ms"] < 20_000


def test_more_searches_than_there_is_room_for_are_refused_and_the_others_answered(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k", b"v")])
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(search(finder, topic, q="!wait", timeout="5s")))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Two run at once, three wait; those whose time passes before their turn are told so.
    statuses = sorted(answer[0] for answer in answers)
    assert statuses.count(200) >= 2 and statuses.count(503) >= 7 and set(statuses) == {200, 503}
    assert all(answer[1]["Retry-After"] for answer in answers if answer[0] == 503)
    assert search(finder, topic, q="v")[2]["total"] == 1, "every place was given back"


def test_a_client_that_leaves_ends_its_search(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k", b"v")])
    host, port = finder.http.rsplit(":", 1)
    for _ in range(2):
        begun, ended = (finder.log().count(f"finder: {word}") for word in ("waiting", "cancelled"))
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"GET /v1/search/{topic}?q=!wait HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            said(finder, "finder: waiting", begun + 1)
        said(finder, "finder: cancelled", ended + 1)
    assert search(finder, topic, q="v")[2]["total"] == 1


# -- hostile clients

def test_a_body_that_is_too_large_is_refused_before_it_is_read(finder, topic):
    head = f"POST /v1/search/{topic} HTTP/1.1\r\nHost: localhost\r\n"
    answer = raw(finder, (head + "Content-Length: 999999999999\r\n\r\n{").encode())
    assert answer.startswith(b"HTTP/1.1 413") and b"body_too_large" in answer
    chunked = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + b"1000\r\n" + b" " * 4096 + b"\r\n0\r\n\r\n"
    answer = raw(finder, chunked)
    assert answer.startswith(b"HTTP/1.1 413") and b"body_too_large" in answer


def test_slow_clients_lose_their_connection(finder, topic):
    started = time.monotonic()
    assert raw(finder, b"GET /health HT") == b"", "a head that does not end"
    assert raw(finder, b"") == b"", "a connection that says nothing"
    answer = raw(finder, f"POST /v1/search/{topic} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{{".encode())
    assert answer.startswith(b"HTTP/1.1 408") and b"too_slow" in answer
    assert time.monotonic() - started < 60


def test_a_body_that_trickles_in_is_cut_off_in_time(finder, topic):
    host, port = finder.http.rsplit(":", 1)
    started = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"POST /v1/search/{topic} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".encode())
        connection.settimeout(0.2)
        answer = b""
        while time.monotonic() - started < 25:  # without the limit of this broker it were 30 s and more
            try:
                connection.sendall(b" ")
                answer += connection.recv(4096)
                if answer:
                    break
            except TimeoutError:
                continue
            except OSError:
                # A byte met the closed connection; the answer has come before.
                with contextlib.suppress(OSError):
                    answer += connection.recv(4096)
                break
    assert answer.startswith(b"HTTP/1.1 408"), answer


@pytest.mark.parametrize("data", [
    b"\x00\x00\x00\x14\x00\x12\x00\x03\x00\x00\x00\x01\x00\x04test\x00", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 600,
    b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(5000)) + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /v1/search/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n"],
    ids=range(10))
def test_bytes_that_are_not_http_close_the_connection_and_nothing_else(finder, data):
    try:
        answer = raw(finder, data)
    except (ConnectionResetError, BrokenPipeError):
        answer = b""
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/9.9 4")), answer[:200]
    assert ask(finder, "GET", "/health")[0] == 200


def test_requests_of_one_connection_are_answered_in_order(finder, topic):
    requests = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in (b"/health", b"/nothing", b"/health"))
    answer = raw(finder, requests)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404", b"200"]


def test_the_segment_index_arrives_whole(finder):
    status, headers, body = ask(finder, "GET", "/v1/archive/segments?topic=orders")
    assert status == 200 and body["topic"] == "orders" and len(body["segments"]) == 20_000
    assert headers["Transfer-Encoding"] == "chunked"
    refused(ask(finder, "GET", "/v1/archive/segments?topic=%22,"), 400, "invalid_topic")
    refused(ask(finder, "GET", "/v1/archive/segments?x=1"), 400, "bad_request")


def test_a_stop_ends_searches_and_connections_in_time(brokers, tmp_path):
    broker = brokers(chain_with_finder(tmp_path))
    clients.create_topic(broker.bootstrap, "t")
    clients.Confluent.produce(broker.bootstrap, "t", [(b"k", b"v")])
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(search(broker, "t", q="!wait")))
    waiting.start()
    said(broker, "finder: waiting", 1)
    host, port = broker.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as idle:
        idle.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(idle)
        answer.begin()
        assert answer.status == 200 and answer.read(), "the broker has taken the connection"
        started = time.monotonic()
        assert broker.stop() == 0
        assert time.monotonic() - started < 20, "the search itself would go on for 30 s"
        assert idle.recv(1) == b""
    waiting.join(60)
    refused(answers[0], 503, "cancelled")


def test_off_means_no_port(brokers):
    broker = brokers(harness.yaml(extra="http: { listen: off }\n"))
    assert broker.http is None and b"HTTP" not in broker.log().encode()
