/* Latencies that an average hides, as a client on loopback sees them.
 *
 *   pace   sends Produce requests of text (-F) by the clock (-R per second in all, over -c connections), whether or not
 *          the answers have come. A request's latency begins when it was due: a stall counts for everything it delays.
 *   fill   produces the lines of a file (-F), cut to records, until there are -T MiB, so that archives compress as text.
 *   cold   reads offsets of partition 0 from stdin, one a line, and fetches -f bytes at each, one after the other.
 *   hot    produces a record by the clock (-R) and fetches it at once on another connection: from the produce request
 *          to the record's arrival.
 *   swarm  -c consumers fetch -f bytes at random offsets below -e, each again as soon as it has its answer.
 *   limit  the machine's own limit for a cold read from a directory: -f bytes at random frames of an archive object (-F):
 *          open, pread, zstd, and the same sent over loopback to whoever asked.
 *
 * One thread, poll(2). Runs for -D seconds where nothing else ends it. Prints one line of JSON.
 * Build: cc -O2 -march=native -pthread tailgen.c -o tailgen -lzstd
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <zstd.h>
#include "loadgen_wire.h"

static struct { double rate, seconds; long end; uint64_t seed; } tail = {.rate = 500, .seconds = 10, .seed = 1};

static uint64_t dice(void) {
  tail.seed ^= tail.seed << 13; tail.seed ^= tail.seed >> 7; tail.seed ^= tail.seed << 17;
  return tail.seed;
}
static void report(const char *mode, double seconds, double bytes, double count) {
  printf("{\"mode\":\"%s\",\"seconds\":%.3f,\"requests\":%.0f,\"mb_s\":%.3f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,"
         "\"p999_us\":%.1f,\"max_us\":%.1f}\n", mode, seconds, count, bytes / seconds / 1e6, percentile_us(.5),
         percentile_us(.9), percentile_us(.99), percentile_us(.999), percentile_us(1 - 1e-12));
}
static void wait_until(int64_t due) {
  struct timespec t = {due / 1000000000LL, due % 1000000000LL};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

/* The file's text and how far it was used. */
static char *text;
static long text_size, text_at;

static void load_text(void) {
  int file = open(opt.file, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status)) DIE("%s: %s", opt.file, strerror(errno));
  text = malloc(text_size = status.st_size);
  if (!read_all(file, text, text_size) || text_size <= 2 * opt.record_bytes) DIE("%s is too short", opt.file);
  close(file);
}
static void text_batch(buffer *b) {
  b->size = 0;
  int count = (int)((opt.batch_bytes - 61) / (opt.record_bytes + 12));
  int64_t stamp = (int64_t)time(NULL) * 1000;
  put_n(b, 0, 8); put_n(b, 0, 4); put_n(b, -1, 4); put_n(b, 2, 1); put_n(b, 0, 4);
  put_n(b, 0, 2); put_n(b, count - 1, 4); put_n(b, stamp, 8); put_n(b, stamp, 8);
  put_n(b, -1, 8); put_n(b, -1, 2); put_n(b, -1, 4); put_n(b, count, 4);
  for (int i = 0; i < count; i++) {
    buffer r = {0};
    if (text_at + opt.record_bytes > text_size) text_at = dice() % opt.record_bytes; /* the next lap is cut elsewhere */
    put_n(&r, 0, 1); put_varint(&r, 0); put_varint(&r, i); put_varint(&r, -1);
    put_varint(&r, opt.record_bytes); put(&r, text + text_at, opt.record_bytes); put_varint(&r, 0);
    put_varint(b, (int64_t)r.size); put(b, r.data, r.size);
    text_at += opt.record_bytes;
    free(r.data);
  }
  set_n(b->data + 8, b->size - 12, 4);
  set_n(b->data + 17, crc32c(b->data + 21, b->size - 21), 4);
}

/* -- requests ------------------------------------------------------------------------------------------------------- */

static void produce_request(buffer *q, int partition, const buffer *batch) {
  begin_request(q, 0, 7, 0);
  put_n(q, -1, 2); put_n(q, opt.acks, 2); put_n(q, 30000, 4);
  put_n(q, 1, 4); put_string(q, opt.topic); put_n(q, 1, 4);
  put_n(q, partition, 4); put_n(q, batch->size, 4);
  put(q, batch->data, batch->size);
  end_request(q);
}
static int produce_error(const uint8_t *answer) { /* behind the size */
  return (int)get_n(answer + 4 + 4 + 2 + strlen(opt.topic) + 4 + 4, 2);
}
static void fetch_request(buffer *q, long offset, int wait_ms, long bytes) {
  begin_request(q, 1, 4, 7);
  put_n(q, -1, 4); put_n(q, wait_ms, 4); put_n(q, 1, 4); put_n(q, 2 * bytes, 4); put_n(q, 0, 1);
  put_n(q, 1, 4); put_string(q, opt.topic); put_n(q, 1, 4); put_n(q, 0, 4); put_n(q, offset, 8);
  put_n(q, bytes, 4);
  end_request(q);
}
/* The size of the records in a fetch's answer; they begin with `offset` or the end is near. */
static long fetched_bytes(const uint8_t *answer, long offset) {
  const uint8_t *p = answer + 4 + 4 + 4 + 2 + strlen(opt.topic) + 4 + 4;
  if (get_n(p, 2)) DIE("fetch at %ld: error %d", offset, (int)get_n(p, 2));
  p += 18;
  int aborted = (int)get_n(p, 4);
  p += 4 + 16 * (aborted > 0 ? aborted : 0);
  long size = get_n(p, 4);
  if (size >= 61 && get_n(p + 4, 8) > offset) DIE("a hole: wanted %ld, got %lld", offset, (long long)get_n(p + 4, 8));
  return size;
}
static int read_answer(int fd, buffer *a) {
  uint8_t size[4];
  if (!read_all(fd, size, 4)) DIE("the broker closed the connection");
  a->size = 0;
  reserve(a, get_n(size, 4));
  return read_all(fd, a->data, a->size = get_n(size, 4));
}

/* -- pace ----------------------------------------------------------------------------------------------------------- */

#define DISTINCT 64 /* batches of text before they repeat: more than a frame of the archive holds */

typedef struct {
  int fd, head, tail;
  size_t sent, in_size;
  buffer requests[DISTINCT]; /* all of one size */
  int64_t due[65536];
  uint8_t in[4096];
} pacer;

static void take_answers(pacer *c) {
  ssize_t n = read(c->fd, c->in + c->in_size, sizeof c->in - c->in_size);
  if (n == 0 || (n < 0 && errno != EAGAIN)) DIE("the broker closed a producer's connection");
  if (n > 0) c->in_size += n;
  while (c->in_size >= 8 && c->in_size >= 4 + (size_t)get_n(c->in, 4)) {
    size_t size = 4 + get_n(c->in, 4);
    if (produce_error(c->in + 4)) DIE("produce: error %d", produce_error(c->in + 4));
    measure(now_ns() - c->due[c->tail++ & 65535]);
    memmove(c->in, c->in + size, c->in_size -= size);
  }
}
static void run_pace(void) {
  int control = dial(opt.port);
  prepare_topic(control);
  buffer batch = {0};
  load_text();
  pacer *all = calloc(opt.connections, sizeof *all);
  struct pollfd *polls = calloc(opt.connections, sizeof *polls);
  for (int i = 0; i < opt.connections; i++) {
    all[i].fd = dial(opt.port);
    for (int k = 0; k < DISTINCT; k++) {
      text_batch(&batch);
      produce_request(&all[i].requests[k], i % opt.partitions, &batch);
    }
    fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
  }
  long total = (long)(tail.rate * tail.seconds), scheduled = 0, answered = 0;
  int64_t begin = now_ns(), now;
  while (answered < total) {
    now = now_ns();
    int64_t next = begin + (int64_t)(scheduled * 1e9 / tail.rate);
    while (scheduled < total && next <= now) {
      pacer *c = &all[scheduled % opt.connections];
      if (c->head - c->tail >= 65536) DIE("65536 requests wait on one connection: the broker cannot keep up");
      c->due[c->head++ & 65535] = next;
      next = begin + (int64_t)(++scheduled * 1e9 / tail.rate);
    }
    answered = 0;
    for (int i = 0; i < opt.connections; i++) {
      pacer *c = &all[i];
      size_t size = c->requests[0].size, wanted = (size_t)c->head * size; /* all that is due, as one stream of requests */
      while (c->sent < wanted) {
        ssize_t n = write(c->fd, c->requests[c->sent / size % DISTINCT].data + c->sent % size, size - c->sent % size);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) DIE("write: %s", strerror(errno));
        c->sent += n;
      }
      polls[i] = (struct pollfd){c->fd, (short)(POLLIN | (c->sent < wanted ? POLLOUT : 0)), 0};
      answered += c->tail;
    }
    int64_t rest = scheduled < total ? next - now_ns() : 30000000000LL;
    struct timespec t = {rest > 0 ? rest / 1000000000 : 0, rest > 0 ? rest % 1000000000 : 0};
    int ready = answered < total ? ppoll(polls, opt.connections, &t, NULL) : 0;
    if (ready == 0 && scheduled == total && answered < total) DIE("no answer for 30 s");
    for (int i = 0; ready > 0 && i < opt.connections; i++)
      if (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) take_answers(&all[i]);
  }
  report("pace", (now_ns() - begin) / 1e9, (double)total * batch.size, total);
}

/* -- fill ----------------------------------------------------------------------------------------------------------- */

static void run_fill(void) {
  int fd = dial(opt.port);
  load_text();
  prepare_topic(fd);
  buffer batch = {0}, q = {0}, a = {0};
  double bytes = 0, count = 0;
  int64_t begin = now_ns();
  for (int i = 0; bytes < opt.total_bytes; i++, count++) {
    text_batch(&batch);
    produce_request(&q, i % opt.partitions, &batch);
    int64_t asked = now_ns();
    write_all(fd, q.data, q.size);
    read_answer(fd, &a);
    if (produce_error(a.data)) DIE("produce: error %d", produce_error(a.data));
    measure(now_ns() - asked);
    bytes += batch.size;
  }
  report("fill", (now_ns() - begin) / 1e9, bytes, count);
}

/* -- cold and swarm -------------------------------------------------------------------------------------------------- */

static void run_cold(void) {
  int fd = dial(opt.port);
  buffer q = {0}, a = {0};
  long offset;
  double bytes = 0, count = 0, least = 0;
  int64_t begin = now_ns();
  for (; scanf("%ld", &offset) == 1; count++) {
    fetch_request(&q, offset, 10000, opt.fetch_bytes);
    int64_t asked = now_ns();
    write_all(fd, q.data, q.size);
    read_answer(fd, &a);
    int64_t took = now_ns() - asked;
    long size = fetched_bytes(a.data, offset);
    if (size < 61) DIE("nothing at offset %ld", offset); /* an answer may end with its object */
    measure(took);
    if (least == 0 || took < least) least = took;
    bytes += size;
  }
  report("cold", (now_ns() - begin) / 1e9, bytes, count);
}

typedef struct { int fd; size_t got, wanted; uint8_t head[4]; int64_t asked; } consumer;

static void run_swarm(void) {
  consumer *all = calloc(opt.connections, sizeof *all);
  struct pollfd *polls = calloc(opt.connections, sizeof *polls);
  buffer q = {0};
  uint8_t *sink = malloc(4 << 20);
  double bytes = 0, count = 0;
  for (int i = 0; i < opt.connections; i++) all[i].fd = dial(opt.port);
  int64_t begin = now_ns();
  while (now_ns() - begin < tail.seconds * 1e9) {
    for (int i = 0; i < opt.connections; i++) {
      if (!all[i].asked) {
        fetch_request(&q, (long)(dice() % (uint64_t)tail.end), 10000, opt.fetch_bytes);
        write_all(all[i].fd, q.data, q.size);
        all[i].asked = now_ns();
        all[i].got = all[i].wanted = 0;
      }
      polls[i] = (struct pollfd){all[i].fd, POLLIN, 0};
    }
    if (poll(polls, opt.connections, 30000) <= 0) DIE("no progress for 30 s");
    for (int i = 0; i < opt.connections; i++) {
      consumer *c = &all[i];
      if (!polls[i].revents) continue;
      if (!c->wanted) {
        if (!read_all(c->fd, c->head, 4)) DIE("the broker closed a consumer's connection");
        c->wanted = get_n(c->head, 4);
        continue;
      }
      size_t rest = c->wanted - c->got;
      ssize_t n = read(c->fd, sink, rest < 4 << 20 ? rest : 4 << 20);
      if (n <= 0) DIE("the broker closed a consumer's connection");
      if ((c->got += n) < c->wanted) continue;
      measure(now_ns() - c->asked);
      bytes += c->wanted;
      count++;
      c->asked = 0;
    }
  }
  report("swarm", (now_ns() - begin) / 1e9, bytes, count);
}

/* -- hot ------------------------------------------------------------------------------------------------------------ */

static long end_of_topic(int fd) {
  buffer q = {0}, a = {0};
  begin_request(&q, 2, 1, 1);
  put_n(&q, -1, 4); put_n(&q, 1, 4); put_string(&q, opt.topic); put_n(&q, 1, 4); put_n(&q, 0, 4); put_n(&q, -1, 8);
  call(fd, &q, &a);
  const uint8_t *p = a.data + 4 + 4 + 2 + strlen(opt.topic) + 4 + 4;
  if (get_n(p, 2)) DIE("ListOffsets: error %d", (int)get_n(p, 2));
  return (long)get_n(p + 10, 8);
}
static void run_hot(void) {
  int in = dial(opt.port), out = dial(opt.port);
  prepare_topic(in);
  buffer batch = {0}, p = {0}, q = {0}, a = {0};
  int records = build_batch(&batch);
  produce_request(&p, 0, &batch);
  long next = end_of_topic(in), total = (long)(tail.rate * tail.seconds);
  int64_t begin = now_ns();
  for (long i = 0; i < total; i++) {
    fetch_request(&q, next, 20000, 1 << 20);
    write_all(out, q.data, q.size); /* parked before the record comes */
    int64_t due = begin + (int64_t)(i * 1e9 / tail.rate);
    wait_until(due);
    int64_t sent = now_ns();
    write_all(in, p.data, p.size);
    read_answer(out, &a);
    measure(now_ns() - sent);
    if (fetched_bytes(a.data, next) < (long)batch.size) DIE("the record at %ld did not come whole", next);
    read_answer(in, &a);
    if (produce_error(a.data)) DIE("produce: error %d", produce_error(a.data));
    next += records;
  }
  report("hot", (now_ns() - begin) / 1e9, (double)total * batch.size, total);
}

/* -- limit ---------------------------------------------------------------------------------------------------------- */

typedef struct { long at, packed, raw; } frame;

static void *echo_megabyte(void *argument) {
  int fd = accept(*(int *)argument, NULL, NULL);
  uint8_t *data = malloc(opt.fetch_bytes);
  while (read_all(fd, data, opt.fetch_bytes)) write_all(fd, "", 1);
  return NULL;
}
static long read_frames(const frame *frames, long first, long count, void *packed, uint8_t *raw) {
  int file = open(opt.file, O_RDONLY);
  long done = 0;
  for (long i = first; i < count && done < opt.fetch_bytes; i++) {
    if (pread(file, packed, frames[i].packed, frames[i].at) != frames[i].packed) DIE("%s became shorter", opt.file);
    size_t n = ZSTD_decompress(raw + done, frames[i].raw, packed, frames[i].packed);
    if (ZSTD_isError(n)) DIE("%s at %ld: %s", opt.file, frames[i].at, ZSTD_getErrorName(n));
    done += n;
  }
  close(file);
  return done;
}
static void run_limit(void) {
  int file = open(opt.file, O_RDONLY), port;
  struct stat status;
  if (file < 0 || fstat(file, &status)) DIE("%s: %s", opt.file, strerror(errno));
  uint8_t *object = malloc(status.st_size);
  read_all(file, object, status.st_size);
  frame *frames = calloc(status.st_size / 64, sizeof *frames);
  long count = 0, largest = 0;
  for (long at = 0; at < status.st_size;) {
    long size = (long)ZSTD_findFrameCompressedSize(object + at, status.st_size - at);
    if (size <= 0 || ZSTD_isError(size)) break;
    long raw = (long)ZSTD_getFrameContentSize(object + at, status.st_size - at);
    if (raw > 0 && raw < 64 << 20) frames[count++] = (frame){at, size, raw};
    if (raw > largest) largest = raw;
    at += size;
  }
  void *packed = malloc(status.st_size);
  uint8_t *raw = malloc(opt.fetch_bytes + largest);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof a;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 8)) DIE("listen: %s", strerror(errno));
  getsockname(listener, (struct sockaddr *)&a, &length);
  port = ntohs(a.sin_port);
  pthread_t thread;
  pthread_create(&thread, NULL, echo_megabyte, &listener);
  int fd = dial(port);
  double read_us = 0;
  for (int with_loopback = 0; with_loopback < 2; with_loopback++) {
    memset(histogram, 0, sizeof histogram);
    histogram_count = 0;
    for (int64_t begin = now_ns(); now_ns() - begin < tail.seconds / 2 * 1e9;) {
      int64_t asked = now_ns();
      long got = read_frames(frames, dice() % (uint64_t)(count - opt.fetch_bytes / largest - 1), count, packed, raw);
      if (got < opt.fetch_bytes) DIE("%s is too short", opt.file);
      char ack;
      if (with_loopback) { write_all(fd, raw, opt.fetch_bytes); read_all(fd, &ack, 1); }
      measure(now_ns() - asked);
    }
    if (!with_loopback) read_us = percentile_us(.5);
  }
  printf("{\"mode\":\"limit\",\"frames\":%ld,\"read_p50_us\":%.1f,\"with_loopback_p50_us\":%.1f}\n", count, read_us,
         percentile_us(.5));
}

int main(int argc, char **argv) {
  if (argc < 2) DIE("pace|fill|cold|hot|swarm|limit [-p port] [-t topic] [-n partitions] [-c connections] [-a acks] "
                    "[-r record bytes] [-b batch bytes] [-T MiB] [-f fetch bytes] [-F file] [-R per second] [-D seconds] "
                    "[-e end offset] [-S seed]");
  crc_init();
  for (int o; (o = getopt(argc - 1, argv + 1, "p:t:n:c:a:r:b:T:f:F:R:D:e:S:")) != -1;) switch (o) {
    case 'p': opt.port = atoi(optarg); break;
    case 't': opt.topic = optarg; break;
    case 'n': opt.partitions = atoi(optarg); break;
    case 'c': opt.connections = atoi(optarg); break;
    case 'a': opt.acks = atoi(optarg); break;
    case 'r': opt.record_bytes = atoi(optarg); break;
    case 'b': opt.batch_bytes = atol(optarg); break;
    case 'T': opt.total_bytes = atol(optarg) << 20; break;
    case 'f': opt.fetch_bytes = atol(optarg); break;
    case 'F': opt.file = optarg; break;
    case 'R': tail.rate = atof(optarg); break;
    case 'D': tail.seconds = atof(optarg); break;
    case 'e': tail.end = atol(optarg); break;
    case 'S': tail.seed = strtoull(optarg, NULL, 10) | 1; break;
    default: exit(64);
  }
  if (opt.acks == 0) DIE("without acks there is no latency");
  const char *mode = argv[1];
  if (!strcmp(mode, "pace")) run_pace();
  else if (!strcmp(mode, "fill")) run_fill();
  else if (!strcmp(mode, "cold")) run_cold();
  else if (!strcmp(mode, "hot")) run_hot();
  else if (!strcmp(mode, "swarm")) run_swarm();
  else if (!strcmp(mode, "limit")) run_limit();
  else DIE("not a mode: %s", mode);
  return 0;
}
