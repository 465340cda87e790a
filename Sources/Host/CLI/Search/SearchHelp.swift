/// What `chronik search --help` teaches.
enum SearchHelp {
  static let text = """
    Talks to the HTTP port of a running broker, and finds records as soon as
    they are committed.

    QUERY is words and signs; upper and lower case are the same:
      timeout payment         records with both words, as +timeout +payment
      timeout -retry          … with timeout and without retry
      "connection reset"      the words beside each other, in this order
      level:error             the field level, directly followed by error
      key:order-17            records whose whole key is order-17
      header.trace:4bf92f     records with this value in the header trace
      *                       every record, for looking at a span of time

    Examples:
      chronik search orders 'level:error -retry' --since 15m
      chronik search orders '"card declined"' --since 2026-11-21T08:00Z \\
        --until 2026-11-21T09:00Z --order relevance --limit 5
      chronik search orders --key order-17 --all --format json | jq .value
      chronik search orders --partition 3 --offset-from 1000 -- '-debug +slow'

    A query that begins with - goes last, behind --.
    Order: newest first, unless --order relevance says otherwise.
    Sizes: 65536, 64KiB. Durations: 500ms, 5s.
    Times: 2026-11-21T14:00:00Z (UTC without a zone), 2026-11-21, milliseconds
    since 1970, or ago: 15m, "2h ago", 7d.

    On a terminal matches are highlighted. In a pipe, text is one record per
    line: time, topic, partition, offset, key, value, with tabs between them,
    control characters escaped, \\N for null and base64: before bytes that are
    not UTF-8. What the search did is said on standard error.

    Exit codes: 0 found, 1 nothing found, 2 the broker refused the query,
    3 no broker could answer, 4 the output could not be written, 64 wrong
    usage, 78 wrong configuration.
    """
}
