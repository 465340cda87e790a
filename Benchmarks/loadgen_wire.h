/* What the load generators share: options, clocks, a histogram, the bytes of the protocol and blocking connections.
 * Each program includes it once; what one of them leaves unused is no mistake. */
#ifndef LOADGEN_WIRE_H
#define LOADGEN_WIRE_H

#pragma GCC diagnostic ignored "-Wunused-function"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DIE(...) (fprintf(stderr, "loadgen: "), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

/* -- options and small things ---------------------------------------------------------------------------------- */

static struct {
  const char *host, *topic, *file, *congestion;
  int port, connections, partitions, acks, inflight, record_bytes, verify, replicas;
  long batch_bytes, total_bytes, fetch_bytes;
} opt = {.host = "127.0.0.1", .port = 9092, .topic = "bench", .file = "loadgen.raw", .congestion = "cubic",
         .connections = 1, .partitions = 1, .acks = 1, .inflight = 5, .record_bytes = 1024, .replicas = 1,
         .batch_bytes = 256 << 10, .total_bytes = 1L << 30, .fetch_bytes = 1 << 20};

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
#include "loadgen_crc.h"

/* A histogram with 64 steps per power of two: below 1.6 % error from 1 ns to hours. */
static uint64_t histogram[64 * 64], histogram_count;
static void measure(int64_t ns) {
  uint64_t v = ns < 64 ? 64 : (uint64_t)ns;
  int top = 63 - __builtin_clzll(v);
  histogram[top * 64 + (v >> (top - 6) & 63)]++;
  histogram_count++;
}
static double percentile_us(double q) {
  uint64_t wanted = (uint64_t)(q * histogram_count), seen = 0;
  for (int i = 0; i < 64 * 64; i++) {
    seen += histogram[i];
    if (seen > wanted && histogram[i]) return (double)((64ull + (i & 63)) << (i / 64)) / 64 / 1e3;
  }
  return 0;
}

/* -- bytes of the protocol -------------------------------------------------------------------------------------- */

typedef struct { uint8_t *data; size_t size, room; } buffer;
static void reserve(buffer *b, size_t more) {
  if (b->size + more > b->room) b->data = realloc(b->data, b->room = (b->size + more) * 2);
  if (!b->data) DIE("out of memory");
}
static void put(buffer *b, const void *p, size_t n) { reserve(b, n); memcpy(b->data + b->size, p, n); b->size += n; }
static void put_n(buffer *b, uint64_t v, int bytes) {
  uint8_t out[8];
  for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
  put(b, out, bytes);
}
static void put_string(buffer *b, const char *s) { put_n(b, strlen(s), 2); put(b, s, strlen(s)); }
static void put_varint(buffer *b, int64_t v) {
  uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
  for (; z > 127; z >>= 7) put_n(b, (z & 127) | 128, 1);
  put_n(b, z, 1);
}
static void set_n(uint8_t *p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}
static int64_t get_n(const uint8_t *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
  return bytes == 8 ? (int64_t)v : bytes == 4 ? (int32_t)v : bytes == 2 ? (int16_t)v : (int8_t)v;
}
static void begin_request(buffer *b, int api, int version, int correlation) {
  b->size = 0;
  put_n(b, 0, 4); put_n(b, api, 2); put_n(b, version, 2); put_n(b, correlation, 4); put_string(b, "loadgen");
}
static void end_request(buffer *b) { set_n(b->data, b->size - 4, 4); }

static int build_batch(buffer *b) {
  size_t start = b->size;
  int count = (int)((opt.batch_bytes - 61) / (opt.record_bytes + 12));
  if (count < 1) count = 1;
  char *value = malloc(opt.record_bytes);
  uint64_t x = 88172645463325252ull;
  for (int i = 0; i < opt.record_bytes; i++) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; value[i] = (char)(x >> 32); }
  int64_t stamp = (int64_t)time(NULL) * 1000;
  put_n(b, 0, 8); put_n(b, 0, 4); put_n(b, -1, 4); put_n(b, 2, 1); put_n(b, 0, 4);
  put_n(b, 0, 2); put_n(b, count - 1, 4); put_n(b, stamp, 8); put_n(b, stamp, 8);
  put_n(b, -1, 8); put_n(b, -1, 2); put_n(b, -1, 4); put_n(b, count, 4);
  for (int i = 0; i < count; i++) {
    buffer r = {0};
    put_n(&r, 0, 1); put_varint(&r, 0); put_varint(&r, i); put_varint(&r, -1);
    put_varint(&r, opt.record_bytes); put(&r, value, opt.record_bytes); put_varint(&r, 0);
    put_varint(b, (int64_t)r.size); put(b, r.data, r.size);
    free(r.data);
  }
  free(value);
  set_n(b->data + start + 8, b->size - start - 12, 4);
  set_n(b->data + start + 17, crc32c(b->data + start + 21, b->size - start - 21), 4);
  return count;
}

/* -- connections -------------------------------------------------------------------------------------------------- */

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, opt.host, &a.sin_addr);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) DIE("connect %s:%d: %s", opt.host, port, strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, opt.congestion, strlen(opt.congestion));
  return fd;
}
static void write_all(int fd, const void *p, size_t n) {
  for (ssize_t w; n; p = (const char *)p + w, n -= w)
    if ((w = write(fd, p, n)) <= 0) DIE("write: %s", strerror(errno));
}
static int read_all(int fd, void *p, size_t n) {
  for (ssize_t r; n; p = (char *)p + r, n -= r)
    if ((r = read(fd, p, n)) <= 0) return 0;
  return 1;
}
static void call(int fd, buffer *request, buffer *response) {
  uint8_t size[4];
  end_request(request);
  write_all(fd, request->data, request->size);
  if (!read_all(fd, size, 4)) DIE("the broker closed the connection");
  response->size = 0;
  reserve(response, get_n(size, 4));
  response->size = get_n(size, 4);
  if (!read_all(fd, response->data, response->size)) DIE("the broker closed the connection");
}
/* ApiVersions as every client begins, then the topic; 36 (exists already) is fine. */
static void prepare_topic(int fd) {
  buffer q = {0}, a = {0};
  begin_request(&q, 18, 0, 1);
  call(fd, &q, &a);
  if (get_n(a.data + 4, 2)) DIE("ApiVersions: error %d", (int)get_n(a.data + 4, 2));
  begin_request(&q, 19, 2, 2);
  put_n(&q, 1, 4); put_string(&q, opt.topic); put_n(&q, opt.partitions, 4); put_n(&q, opt.replicas, 2);
  put_n(&q, 0, 4); put_n(&q, 0, 4); put_n(&q, 20000, 4); put_n(&q, 0, 1);
  call(fd, &q, &a);
  int error = (int)get_n(a.data + 4 + 4 + 4 + 2 + strlen(opt.topic), 2);
  if (error && error != 36) DIE("CreateTopics: error %d", error);
  for (int64_t deadline = now_ns() + 10000000000LL;;) { /* until every partition has a leader */
    begin_request(&q, 3, 1, 3);
    put_n(&q, 1, 4); put_string(&q, opt.topic);
    call(fd, &q, &a);
    const uint8_t *p = a.data + 4;
    int brokers = (int)get_n(p, 4);
    for (p += 4; brokers--; ) {
      p += 4; p += 2 + get_n(p, 2); p += 4;
      int rack = (int)get_n(p, 2);
      p += 2 + (rack > 0 ? rack : 0);
    }
    p += 8;
    int topic_error = (int)get_n(p, 2), ready = !topic_error;
    p += 2; p += 2 + get_n(p, 2) + 1;
    int count = (int)get_n(p, 4);
    for (int i = 0, at = 4; ready && i < count; i++) {
      if (get_n(p + at, 2)) ready = 0;
      at += 10; at += 4 + 4 * get_n(p + at, 4); at += 4 + 4 * get_n(p + at, 4);
    }
    if (ready && count >= opt.partitions) break;
    if (now_ns() > deadline) DIE("topic %s: %d partitions, error %d", opt.topic, count, topic_error);
    usleep(20000);
  }
  free(q.data); free(a.data);
}

#endif
