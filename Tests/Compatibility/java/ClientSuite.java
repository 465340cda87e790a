import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.TimeoutException;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

/**
 * What a team with the Java client does, against a running broker: `java ClientSuite HOST:PORT [part of a name]`.
 *
 * classes that the oldest client in README.md has are used, so that the same source drives old and new clients.
 */
public class ClientSuite extends Tools {
    static final Map<String, Check> checks = new LinkedHashMap<>();

    static {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            checks.put("codec " + codec, () -> codec(codec));
        }
        checks.put("null keys, values and header values", ClientSuite::nulls);
        checks.put("group, eager", () -> rebalances(RangeAssignor.class));
        checks.put("group, cooperative", () -> rebalances(CooperativeStickyAssignor.class));
        checks.put("group, static member", ClientSuite::staticMember);
        checks.put("commits", ClientSuite::commits);
        checks.put("seek by time", ClientSuite::seekByTime);
        checks.put("read committed", ClientSuite::readCommitted);
        checks.put("close during a long poll", ClientSuite::closeDuringPoll);
        checks.put("record too large", ClientSuite::recordTooLarge);
        checks.put("unknown topic without auto-creation", ClientSuite::noAutoCreation);
        checks.put("admin: topics", Administration::adminTopics);
        checks.put("admin: settings", Administration::adminSettings);
        checks.put("admin: settings of a running broker", Administration::adminBrokerSettings);
        checks.put("admin: records and sizes", Administration::adminRecords);
        checks.put("admin: groups", Administration::adminGroups);
        checks.put("admin: cluster", Administration::adminCluster);
        checks.put("admin: errors", Administration::adminErrors);
    }

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        String wanted = arguments.length > 1 ? arguments[1] : "";
        int passed = 0, failed = 0;
        ExecutorService runner = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        for (Map.Entry<String, Check> check : checks.entrySet()) {
            if (!check.getKey().contains(wanted)) continue;
            long start = System.nanoTime();
            Throwable problem = null;
            try {
                runner.submit(() -> { check.getValue().run(); return null; }).get(120, TimeUnit.SECONDS);
            } catch (ExecutionException error) {
                problem = error.getCause();
            } catch (TimeoutException error) {
                problem = error;
            }
            System.out.printf("%-6s %6.1f s  %s%n", problem == null ? "ok" : "FAILED", (System.nanoTime() - start) / 1e9, check.getKey());
            if (problem == null) passed++;
            else {
                failed++;
                problem.printStackTrace(System.out);
            }
        }
        System.out.printf("java: %d passed, %d failed%n", passed, failed);
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }

    // Producing and consuming

    static void codec(String codec) throws Exception {
        String topic = topic("codec-" + codec, 3);
        int count = 3000;
        Map<String, String> sent = new ConcurrentHashMap<>();
        try (Producer<String, String> producer = producer(Map.of("compression.type", codec, "linger.ms", "5"))) {
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                String key = "key-" + i, value = ("value " + i + " ").repeat(1 + i % 40);
                sent.put(key, value);
                answers.add(producer.send(new ProducerRecord<>(topic, null, 1_700_000_000_000L + i, key, value,
                    List.of(new RecordHeader("n", Integer.toString(i).getBytes(StandardCharsets.UTF_8))))));
            }
            Set<String> places = new HashSet<>();
            for (Future<RecordMetadata> answer : answers) {
                RecordMetadata place = answer.get(30, TimeUnit.SECONDS);
                require(place.hasOffset(), "no offset");
                require(places.add(place.partition() + "/" + place.offset()), "an offset was given twice");
            }
        }
        Map<String, String> read = new HashMap<>();
        try (Consumer<String, String> consumer = consumer(null, Map.of())) {
            consumer.assign(partitions(topic, 3));
            consumer.seekToBeginning(consumer.assignment());
            Map<Integer, Long> next = new HashMap<>();
            long deadline = deadline(60);
            while (read.size() < count && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    equal(next.getOrDefault(record.partition(), 0L), record.offset(), "offset");
                    next.put(record.partition(), record.offset() + 1);
                    int number = Integer.parseInt(record.key().substring(4));
                    equal(1_700_000_000_000L + number, record.timestamp(), "timestamp");
                    equal(Integer.toString(number), new String(record.headers().lastHeader("n").value(), StandardCharsets.UTF_8), "header");
                    read.put(record.key(), record.value());
                }
            }
        }
        equal(sent, read, "records");
    }

    static void nulls() throws Exception {
        String topic = topic("nulls", 1);
        try (Producer<String, String> producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>(topic, null, null)).get();
            producer.send(new ProducerRecord<>(topic, "", "")).get();
            producer.send(new ProducerRecord<>(topic, 0, "k", null, List.of(new RecordHeader("h", null), new RecordHeader("h", new byte[0])))).get();
        }
        try (Consumer<String, String> consumer = consumer(null, Map.of())) {
            List<ConsumerRecord<String, String>> read = readAll(consumer, topic, 1, 3);
            require(read.get(0).key() == null && read.get(0).value() == null, "null became something");
            require(read.get(1).key().isEmpty() && read.get(1).value().isEmpty(), "empty became something");
            require(read.get(2).value() == null, "a tombstone became something");
            var headers = read.get(2).headers().toArray();
            require(headers.length == 2 && headers[0].value() == null && headers[1].value().length == 0, "header values changed");
        }
    }

    static void seekByTime() throws Exception {
        String topic = topic("time", 2);
        long start = 1_700_000_000_000L;
        try (Producer<String, String> producer = producer(Map.of("linger.ms", "20", "compression.type", "lz4"))) {
            for (int i = 0; i < 2000; i++) producer.send(new ProducerRecord<>(topic, i % 2, start + i * 10L, "k", "v" + i));
            producer.flush();
        }
        try (Consumer<String, String> consumer = consumer(null, Map.of())) {
            TopicPartition first = new TopicPartition(topic, 0), second = new TopicPartition(topic, 1);
            for (int wanted : new int[] {0, 1, 2, 999, 1000, 1001, 1998, 1999}) {
                Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(Map.of(first, start + wanted * 10L, second, start + wanted * 10L));
                long expectedFirst = (wanted + 1) / 2, expectedSecond = wanted / 2;
                if (expectedFirst < 1000) equal(expectedFirst, found.get(first).offset(), "offset at " + wanted);
                else require(found.get(first) == null, "an offset beyond the end at " + wanted);
                equal(expectedSecond, found.get(second).offset(), "offset at " + wanted);
                equal(start + (expectedSecond * 2 + 1) * 10, found.get(second).timestamp(), "timestamp at " + wanted);
            }
            equal(Map.of(first, 0L, second, 0L), consumer.beginningOffsets(List.of(first, second)), "beginning");
            equal(Map.of(first, 1000L, second, 1000L), consumer.endOffsets(List.of(first, second)), "end");
            consumer.assign(List.of(first));
            consumer.seek(first, 500);
            ConsumerRecord<String, String> record = next(consumer);
            equal("v1000", record.value(), "the record after the seek");
            consumer.seekToEnd(List.of(first));
            equal(1000L, consumer.position(first), "position at the end");
        }
    }

    static void readCommitted() throws Exception {
        String topic = topic("committed", 1);
        try (Producer<String, String> producer = producer(Map.of())) {
            for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(topic, "k", "v" + i));
        }
        try (Consumer<String, String> consumer = consumer(null, Map.of("isolation.level", "read_committed"))) {
            equal(100, readAll(consumer, topic, 1, 100).size(), "records");
            equal(100L, consumer.endOffsets(partitions(topic, 1)).values().iterator().next(), "end");
        }
    }

    static void closeDuringPoll() throws Exception {
        String topic = topic("idle", 1);
        Consumer<String, String> consumer = consumer("close-" + run, Map.of("fetch.max.wait.ms", "3000", "fetch.min.bytes", "1000000"));
        consumer.subscribe(List.of(topic));
        CompletableFuture<Boolean> woken = new CompletableFuture<>();
        Thread poller = new Thread(() -> {
            try {
                while (true) consumer.poll(Duration.ofSeconds(30));
            } catch (WakeupException error) {
                long start = System.nanoTime();
                consumer.close(Duration.ofSeconds(10));
                woken.complete(System.nanoTime() - start < 5_000_000_000L);
            } catch (Exception error) {
                woken.completeExceptionally(error);
            }
        });
        poller.start();
        Thread.sleep(6000);
        consumer.wakeup();
        require(woken.get(20, TimeUnit.SECONDS), "closing took more than 5 s");
    }

    static void recordTooLarge() throws Exception {
        String topic = topic("large", 1);
        try (Producer<String, String> producer = producer(Map.of("max.request.size", "8000000"))) {
            fails(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, "x".repeat(2_000_000))).get());
            equal(0L, producer.send(new ProducerRecord<>(topic, "fits")).get().offset(), "offset after the refusal");
        }
    }

    static void noAutoCreation() throws Exception {
        String missing = "missing-" + run;
        try (Consumer<String, String> consumer = consumer(null, Map.of("allow.auto.create.topics", "false"))) {
            consumer.assign(List.of(new TopicPartition(missing, 0)));
            consumer.poll(Duration.ofSeconds(1));
        }
        try (Admin admin = admin()) {
            require(!admin.listTopics().names().get().contains(missing), "the topic was created");
        }
    }

    // Groups

    static void rebalances(Class<?> assignor) throws Exception {
        int partitions = 6;
        String topic = topic("group", partitions), group = "group-" + assignor.getSimpleName() + "-" + run;
        Map<String, Object> settings = Map.of("partition.assignment.strategy", List.of(assignor), "auto.offset.reset", "earliest",
            "session.timeout.ms", "10000", "heartbeat.interval.ms", "500", "enable.auto.commit", "true", "auto.commit.interval.ms", "200");
        Set<String> seen = ConcurrentHashMap.newKeySet(), sent = new HashSet<>();
        try (Producer<String, String> producer = producer(Map.of())) {
            List<Member> members = new ArrayList<>();
            try {
                int number = 0;
                for (int size : new int[] {1, 2, 3, 2, 1, 3}) {
                    while (members.size() < size) members.add(new Member(group, topic, seen, settings));
                    while (members.size() > size) members.remove(0).close();
                    await("every partition has one owner among " + size, () -> {
                        List<TopicPartition> all = members.stream().flatMap(member -> member.owned.stream()).collect(Collectors.toList());
                        return all.size() == partitions && new HashSet<>(all).size() == partitions
                            && members.stream().noneMatch(member -> member.owned.isEmpty());
                    });
                    for (int i = 0; i < 300; i++) {
                        String value = "v" + number++;
                        sent.add(value);
                        producer.send(new ProducerRecord<>(topic, value, value));
                    }
                    producer.flush();
                    await("everything is read by " + size, () -> seen.containsAll(sent));
                }
                for (Member member : members) if (member.problem != null) throw member.problem;
            } finally {
                for (Member member : members) member.close();
            }
        }
    }

    /** A member on a thread of its own, with automatic commits. */
    static class Member implements AutoCloseable, ConsumerRebalanceListener {
        final Set<TopicPartition> owned = ConcurrentHashMap.newKeySet();
        final Thread thread;
        volatile boolean stop;
        volatile Exception problem;

        Member(String group, String topic, Set<String> seen, Map<String, Object> settings) {
            Consumer<String, String> consumer = consumer(group, settings);
            consumer.subscribe(List.of(topic), this);
            thread = new Thread(() -> {
                try (consumer) {
                    while (!stop) for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) seen.add(record.value());
                } catch (Exception error) {
                    problem = error;
                }
            });
            thread.start();
        }

        public void onPartitionsAssigned(Collection<TopicPartition> partitions) { owned.addAll(partitions); }
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) { owned.removeAll(partitions); }
        public void onPartitionsLost(Collection<TopicPartition> partitions) { owned.removeAll(partitions); }

        public void close() throws Exception {
            stop = true;
            thread.join(30_000);
            require(!thread.isAlive(), "a member does not close");
        }
    }

    static void staticMember() throws Exception {
        String topic = topic("static", 2), group = "static-" + run;
        Map<String, Object> settings = Map.of("group.instance.id", "one", "auto.offset.reset", "earliest", "session.timeout.ms", "20000");
        String member;
        int generation;
        try (Consumer<String, String> consumer = consumer(group, settings)) {
            consumer.subscribe(List.of(topic));
            awaitAssignment(consumer, 2);
            generation = consumer.groupMetadata().generationId();
            member = consumer.groupMetadata().memberId();
        }
        try (Consumer<String, String> consumer = consumer(group, settings)) {
            consumer.subscribe(List.of(topic));
            awaitAssignment(consumer, 2);
            equal(generation, consumer.groupMetadata().generationId(), "generation after a static member came back");
            require(!member.equals(consumer.groupMetadata().memberId()), "the member id was not replaced");
        }
        try (Admin admin = admin()) {
            admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get();
            equal(0, admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().size(), "members after the removal");
        }
    }

    static void commits() throws Exception {
        String topic = topic("commits", 1), group = "commits-" + run;
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Producer<String, String> producer = producer(Map.of())) {
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, "k", "v" + i));
        }
        Map<String, Object> settings = Map.of("auto.offset.reset", "earliest");
        try (Consumer<String, String> consumer = consumer(group, settings)) {
            consumer.subscribe(List.of(topic));
            equal("v0", next(consumer).value(), "first record");
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(4, Optional.of(0), "half way: ü")));
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            equal(4L, committed.offset(), "committed offset");
            equal("half way: ü", committed.metadata(), "committed metadata");
            equal(Optional.of(0), committed.leaderEpoch(), "committed epoch");
        }
        try (Consumer<String, String> consumer = consumer(group, settings)) {
            consumer.subscribe(List.of(topic));
            equal("v4", next(consumer).value(), "first record after the commit");
        }
    }
}
