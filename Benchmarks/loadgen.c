/* A load generator that costs almost nothing beside the broker it loads.
 *
 *   produce  replays one prebuilt Produce v7 request per connection: the record batch is built and checksummed once,
 *            only the correlation id changes. Every response is read and every error code checked.
 *   consume  fetches partitions from offset 0 to their end, one after the other or many at once; -v checks every CRC.
 *   raw      the machine's own limit for the same work, without a broker: receive -> CRC-32C -> pwrite -> 16 byte ack
 *            over the same loopback, then sendfile of a cached file, then fdatasync, alone and as group commit of
 *            everything that -c connections with -w requests each can have in flight.
 *
 * One thread, poll(2), plain (non-flexible) protocol versions. Prints one line of JSON.
 * Build: cc -O2 -march=native -pthread loadgen.c -o loadgen
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "loadgen_wire.h"

/* -- produce -------------------------------------------------------------------------------------------------------- */

typedef struct {
  int fd, pending, correlation, expected, first, frames_left;
  size_t sent;
  int64_t started[1024];
  uint8_t answer[4096];
  size_t answer_size;
  buffer request;
} producer;

static int check_produce_answer(producer *c) {
  size_t size = get_n(c->answer, 4);
  if (size + 4 > sizeof c->answer) DIE("a produce response of %zu bytes", size);
  if (c->answer_size < size + 4) return 0;
  int correlation = (int)get_n(c->answer + 4, 4);
  int error = (int)get_n(c->answer + 8 + 4 + 2 + strlen(opt.topic) + 4 + 4, 2);
  if (correlation != c->expected) DIE("answer %d, expected %d: out of order", correlation, c->expected);
  if (error) DIE("produce: error %d", error);
  measure(now_ns() - c->started[correlation % 1024]);
  memmove(c->answer, c->answer + size + 4, c->answer_size -= size + 4);
  c->expected++; c->pending--;
  return 1;
}
static void run_produce(void) {
  int control = dial(opt.port);
  prepare_topic(control);
  buffer batch = {0};
  int records = build_batch(&batch);
  long requests = opt.total_bytes / (long)batch.size / opt.connections;
  if (requests < 1) requests = 1;
  producer *all = calloc(opt.connections, sizeof *all);
  struct pollfd *polls = calloc(opt.connections, sizeof *polls);
  for (int i = 0; i < opt.connections; i++) {
    producer *c = &all[i];
    c->fd = dial(opt.port);
    begin_request(&c->request, 0, 7, 0);
    put_n(&c->request, -1, 2); put_n(&c->request, opt.acks, 2); put_n(&c->request, 30000, 4);
    put_n(&c->request, 1, 4); put_string(&c->request, opt.topic); put_n(&c->request, 1, 4);
    put_n(&c->request, i % opt.partitions, 4); put_n(&c->request, batch.size, 4);
    put(&c->request, batch.data, batch.size);
    end_request(&c->request);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->frames_left = (int)requests;
  }
  int64_t begin = now_ns();
  for (int open = opt.connections; open;) {
    open = 0;
    for (int i = 0; i < opt.connections; i++) {
      producer *c = &all[i];
      int sending = c->sent || (c->frames_left && (opt.acks == 0 || c->pending < opt.inflight));
      polls[i] = (struct pollfd){c->fd, (short)((sending ? POLLOUT : 0) | (c->pending ? POLLIN : 0)), 0};
      if (polls[i].events) open++; else polls[i].fd = -1;
    }
    if (!open) break;
    if (poll(polls, opt.connections, 30000) <= 0) DIE("no progress for 30 s");
    for (int i = 0; i < opt.connections; i++) {
      producer *c = &all[i];
      if (polls[i].fd < 0) continue;
      if (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = read(c->fd, c->answer + c->answer_size, sizeof c->answer - c->answer_size);
        if (n == 0 || (n < 0 && errno != EAGAIN)) DIE("the broker closed a producer's connection");
        if (n > 0) c->answer_size += n;
        while (c->answer_size >= 8 && check_produce_answer(c)) {}
      }
      while ((polls[i].revents & POLLOUT) &&
             (c->sent || (c->frames_left && (opt.acks == 0 || c->pending < opt.inflight)))) {
        if (!c->sent) {
          set_n(c->request.data + 8, c->correlation, 4);
          c->started[c->correlation % 1024] = now_ns();
        }
        ssize_t n = write(c->fd, c->request.data + c->sent, c->request.size - c->sent);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) DIE("write: %s", strerror(errno));
        if ((c->sent += n) < c->request.size) continue;
        c->sent = 0; c->correlation++; c->frames_left--;
        if (opt.acks) c->pending++;
      }
    }
  }
  if (opt.acks == 0) { /* the end of the stream has arrived when the broker answered something behind it */
    for (int i = 0; i < opt.connections; i++) {
      buffer q = {0}, a = {0};
      fcntl(all[i].fd, F_SETFL, 0);
      begin_request(&q, 18, 0, 1);
      call(all[i].fd, &q, &a);
      free(q.data); free(a.data);
    }
  }
  double s = (now_ns() - begin) / 1e9;
  double total = (double)requests * opt.connections;
  printf("{\"mode\":\"produce\",\"seconds\":%.6f,\"bytes\":%.0f,\"records\":%.0f,\"requests\":%.0f,\"mb_s\":%.3f,"
         "\"records_s\":%.1f,\"requests_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f}\n",
         s, total * batch.size, total * records, total, total * batch.size / s / 1e6, total * records / s, total / s,
         percentile_us(.5), percentile_us(.99), percentile_us(.999));
}

/* -- consume -------------------------------------------------------------------------------------------------------- */

static int64_t end_offset(int fd, int partition) {
  buffer q = {0}, a = {0};
  begin_request(&q, 2, 1, 1);
  put_n(&q, -1, 4); put_n(&q, 1, 4); put_string(&q, opt.topic); put_n(&q, 1, 4); put_n(&q, partition, 4);
  put_n(&q, -1, 8);
  call(fd, &q, &a);
  const uint8_t *p = a.data + 4 + 4 + 2 + strlen(opt.topic) + 4 + 4;
  if (get_n(p, 2)) DIE("ListOffsets: error %d", (int)get_n(p, 2));
  int64_t offset = get_n(p + 10, 8);
  free(q.data); free(a.data);
  return offset;
}
static void run_consume(void) {
  int fd = dial(opt.port);
  buffer q = {0}, a = {0};
  double bytes = 0, records = 0, requests = 0;
  int64_t ends[4096], begin;
  prepare_topic(fd);
  for (int p = 0; p < opt.partitions; p++) ends[p] = end_offset(fd, p);
  begin = now_ns();
  for (int partition = 0; partition < opt.partitions; partition++) {
    for (int64_t offset = 0; offset < ends[partition];) {
      int64_t asked = now_ns();
      begin_request(&q, 1, 4, (int)requests);
      put_n(&q, -1, 4); put_n(&q, 500, 4); put_n(&q, 1, 4); put_n(&q, opt.fetch_bytes, 4); put_n(&q, 0, 1);
      put_n(&q, 1, 4); put_string(&q, opt.topic); put_n(&q, 1, 4); put_n(&q, partition, 4); put_n(&q, offset, 8);
      put_n(&q, opt.fetch_bytes, 4);
      call(fd, &q, &a);
      measure(now_ns() - asked);
      const uint8_t *p = a.data + 4 + 4 + 4 + 2 + strlen(opt.topic) + 4 + 4;
      if (get_n(p, 2)) DIE("fetch at %lld: error %d", (long long)offset, (int)get_n(p, 2));
      p += 18;
      int aborted = (int)get_n(p, 4);
      p += 4 + 16 * (aborted > 0 ? aborted : 0);
      long size = get_n(p, 4), at = 0;
      p += 4;
      int64_t before = offset;
      while (at + 61 <= size && at + 12 + get_n(p + at + 8, 4) <= size) {
        const uint8_t *b = p + at;
        long length = 12 + get_n(b + 8, 4);
        int64_t base = get_n(b, 8), last = base + get_n(b + 23, 4);
        if (base > offset) DIE("a hole: wanted %lld, got %lld", (long long)offset, (long long)base);
        if (opt.verify && (uint32_t)get_n(b + 17, 4) != crc32c(b + 21, length - 21)) DIE("bad CRC at %lld", (long long)base);
        records += last + 1 - offset;
        offset = last + 1;
        at += length;
      }
      if (offset == before) DIE("an empty answer below the end at %lld", (long long)offset);
      bytes += at;
      requests++;
    }
  }
  double s = (now_ns() - begin) / 1e9;
  printf("{\"mode\":\"consume\",\"seconds\":%.6f,\"bytes\":%.0f,\"records\":%.0f,\"requests\":%.0f,\"mb_s\":%.3f,"
         "\"records_s\":%.1f,\"requests_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f}\n",
         s, bytes, records, requests, bytes / s / 1e6, records / s, requests / s, percentile_us(.5), percentile_us(.99),
         percentile_us(.999));
}

/* -- raw ------------------------------------------------------------------------------------------------------------ */

typedef struct { int listener, file; long frame, frames; } raw_server;
#define RING (256L << 20) /* rewriting the same file keeps the page cache warm, as segments that are recycled would */

static void *serve_raw(void *argument) {
  raw_server *server = argument;
  int fd = accept(server->listener, NULL, NULL), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  uint8_t *frame = malloc(server->frame), ack[16] = {0};
  long at = 0;
  while (read_all(fd, frame, server->frame)) {
    set_n(ack + 8, crc32c(frame, server->frame), 4);
    if (pwrite(server->file, frame, server->frame, at) != server->frame) DIE("pwrite: %s", strerror(errno));
    if ((at += server->frame) + server->frame > RING) at = 0;
    write_all(fd, ack, sizeof ack);
  }
  close(fd);
  return NULL;
}
static int raw_listener(int *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 8)) DIE("listen: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)&a, &length);
  *port = ntohs(a.sin_port);
  return fd;
}
static double raw_receive(int file) {
  int port, pending = 0;
  raw_server server = {raw_listener(&port), file, opt.batch_bytes, opt.total_bytes / opt.batch_bytes};
  pthread_t thread;
  pthread_create(&thread, NULL, serve_raw, &server);
  int fd = dial(port);
  uint8_t *frame = malloc(server.frame), ack[16];
  memset(frame, 'r', server.frame);
  int64_t begin = 0;
  for (long i = -RING / server.frame; i < server.frames; i++) { /* the first lap allocates the file's pages */
    if (i == 0) {
      for (; pending; pending--) read_all(fd, ack, 16);
      begin = now_ns();
    }
    write_all(fd, frame, server.frame);
    if (++pending >= opt.inflight) { read_all(fd, ack, 16); pending--; }
  }
  for (; pending; pending--) read_all(fd, ack, 16);
  double rate = (double)server.frames * server.frame / ((now_ns() - begin) / 1e9) / 1e6;
  close(fd);
  pthread_join(thread, NULL);
  close(server.listener);
  free(frame);
  return rate;
}
/* Group commit at its best: everything that can be in flight is written with one call and made durable with another.
 * The file is written already, so no metadata is flushed. Batches per second. */
static double raw_sync(int file, long bytes, long group, double seconds) {
  if (bytes * group > RING) group = RING / bytes;
  uint8_t *data = calloc(group, bytes);
  long count = 0, at = 0;
  int64_t begin = now_ns();
  while (now_ns() - begin < seconds * 1e9) {
    if (pwrite(file, data, bytes * group, at) != bytes * group || fdatasync(file)) DIE("fdatasync: %s", strerror(errno));
    if ((at += bytes * group) + bytes * group > RING) at = 0;
    count += group;
  }
  free(data);
  return count / ((now_ns() - begin) / 1e9);
}
static void *drain_raw(void *argument) {
  int fd = accept(*(int *)argument, NULL, NULL);
  uint8_t *data = malloc(1 << 20);
  while (read(fd, data, 1 << 20) > 0) {}
  free(data); close(fd);
  return NULL;
}
static double raw_sendfile(int file) {
  int port, listener = raw_listener(&port);
  pthread_t thread;
  pthread_create(&thread, NULL, drain_raw, &listener);
  int fd = dial(port);
  int64_t begin = now_ns();
  long sent = 0;
  while (sent < opt.total_bytes) {
    off_t at = sent % RING;
    ssize_t n = sendfile(fd, file, &at, RING - at < opt.fetch_bytes ? RING - at : opt.fetch_bytes);
    if (n <= 0) DIE("sendfile: %s", strerror(errno));
    sent += n;
  }
  shutdown(fd, SHUT_WR);
  pthread_join(thread, NULL);
  double rate = sent / ((now_ns() - begin) / 1e9) / 1e6;
  close(fd); close(listener);
  return rate;
}
static void run_raw(void) {
  int file = open(opt.file, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) DIE("%s: %s", opt.file, strerror(errno));
  if (posix_fallocate(file, 0, RING)) DIE("no room for %s", opt.file);
  double receive = raw_receive(file), send = raw_sendfile(file);
  double alone = raw_sync(file, opt.batch_bytes, 1, 1);
  double group = raw_sync(file, opt.batch_bytes, (long)opt.connections * opt.inflight, 1);
  unlink(opt.file);
  printf("{\"mode\":\"raw\",\"receive_crc_write_mb_s\":%.3f,\"sendfile_mb_s\":%.3f,\"fdatasync_s\":%.1f,"
         "\"group_commit_s\":%.1f,\"group_commit_mb_s\":%.3f}\n",
         receive, send, alone, group, group * opt.batch_bytes / 1e6);
}

int main(int argc, char **argv) {
  if (argc < 2) DIE("produce|consume|raw [-h host] [-p port] [-t topic] [-n partitions] [-c connections] [-w in flight] "
                    "[-a acks] [-r record bytes] [-b batch bytes] [-T total MiB] [-f fetch bytes] [-F raw file] [-v]");
  crc_init();
  for (int o; (o = getopt(argc - 1, argv + 1, "h:p:t:n:c:w:a:r:b:T:f:F:C:v")) != -1;) switch (o) {
    case 'h': opt.host = optarg; break;
    case 'p': opt.port = atoi(optarg); break;
    case 't': opt.topic = optarg; break;
    case 'n': opt.partitions = atoi(optarg); break;
    case 'c': opt.connections = atoi(optarg); break;
    case 'w': opt.inflight = atoi(optarg); break;
    case 'a': opt.acks = atoi(optarg); break;
    case 'r': opt.record_bytes = atoi(optarg); break;
    case 'b': opt.batch_bytes = atol(optarg); break;
    case 'T': opt.total_bytes = atol(optarg) << 20; break;
    case 'f': opt.fetch_bytes = atol(optarg); break;
    case 'F': opt.file = optarg; break;
    case 'C': opt.congestion = optarg; break;
    case 'v': opt.verify = 1; break;
    default: exit(64);
  }
  if (opt.inflight < 1 || opt.inflight > 1000 || opt.partitions < 1 || opt.partitions > 4096) DIE("-w 1..1000, -n 1..4096");
  if (!strcmp(argv[1], "produce")) run_produce();
  else if (!strcmp(argv[1], "consume")) run_consume();
  else if (!strcmp(argv[1], "raw")) run_raw();
  else DIE("produce, consume or raw, not %s", argv[1]);
  return 0;
}
