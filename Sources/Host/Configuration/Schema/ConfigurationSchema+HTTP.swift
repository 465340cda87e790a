extension ConfigurationSchema {
  static let http: [Setting] = [
    Setting(
      "http.listen", .endpointOrOff, default: "127.0.0.1:9643", "Where the HTTP port listens.",
      "off opens no port; port 0 takes any free port; a port that is taken ends the start. Before opening it to a "
        + "network, put a proxy that knows your users in front of it. Option: --http-listen."),
    Setting(
      "http.max_body_bytes", .size(1024...(16 << 20)), default: "1MiB", "The largest body of a request.",
      "A search is a few hundred bytes. A longer body is refused before it is read."),
    Setting(
      "http.max_connections", .integer(1...100_000), default: "256", "HTTP connections open at the same time.",
      "Further ones wait in the kernel's queue until one ends."),
    Setting(
      "http.max_searches", .integer(1...64), default: "4", "Searches that run at the same time.",
      "Each occupies a thread, and a processor while it works; keep it near the number of processors."),
    Setting(
      "http.max_queued_searches", .integer(0...10_000), default: "32", "Searches that wait for their turn.",
      "More are refused with 503 at once, which is better than an answer that comes too late. Each answer under way "
        + "occupies up to 16 MiB until its client has taken it."),
    Setting(
      "http.search_timeout", .duration(100...3_600_000), default: "30s", "The longest that a search may take.",
      "A request may ask for less. What was found until then is the answer, marked as partial."),
    Setting(
      "http.client_timeout", .duration(1000...3_600_000), default: "30s",
      "How long a client may take to send a request or to take its answer.",
      "It also closes connections that send nothing. It keeps slow clients from occupying connections and memory."),
  ]
}
