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
public class ClientSuite {
    interface Check { void run() throws Exception; }

    static String bootstrap;
    static final Map<String, Check> checks = new LinkedHashMap<>();
    static final String run = Long.toString(System.nanoTime(), 36);

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
        checks.put("admin: topics", ClientSuite::adminTopics);
        checks.put("admin: settings", ClientSuite::adminSettings);
        checks.put("admin: settings of a running broker", ClientSuite::adminBrokerSettings);
        checks.put("admin: records and sizes", ClientSuite::adminRecords);
        checks.put("admin: groups", ClientSuite::adminGroups);
        checks.put("admin: cluster", ClientSuite::adminCluster);
        checks.put("admin: errors", ClientSuite::adminErrors);
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

    // Administration

    static void adminTopics() throws Exception {
        String name = "admin-" + run;
        try (Admin admin = admin()) {
            CreateTopicsResult created = admin.createTopics(List.of(
                new NewTopic(name, 3, (short) 1).configs(Map.of("retention.ms", "3600000", "cleanup.policy", "compact")),
                new NewTopic(name + "-defaults", Optional.empty(), Optional.empty()),
                new NewTopic(name + "-assigned", Map.of(0, List.of(admin.describeCluster().nodes().get().iterator().next().id())))));
            created.all().get();
            equal(3, created.numPartitions(name).get(), "partitions");
            equal("compact", created.config(name).get().get("cleanup.policy").value(), "configuration in the answer");
            Uuid id = created.topicId(name).get();
            TopicDescription description = admin.describeTopics(List.of(name)).all().get().get(name);
            equal(3, description.partitions().size(), "partitions");
            equal(id, description.topicId(), "topic id");
            require(description.partitions().get(2).isr().size() == 1, "isr");
            require(admin.listTopics().names().get().containsAll(List.of(name, name + "-defaults", name + "-assigned")), "listing");
            admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get();
            equal(5, admin.describeTopics(List.of(name)).all().get().get(name).partitions().size(), "partitions after the increase");
            admin.createTopics(List.of(new NewTopic(name + "-dry", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
            require(!admin.listTopics().names().get().contains(name + "-dry"), "a dry run created a topic");
            admin.deleteTopics(List.of(name, name + "-defaults", name + "-assigned")).all().get();
            require(!admin.listTopics().names().get().contains(name), "the topic is still listed");
        }
    }

    static void adminSettings() throws Exception {
        String name = topic("settings", 1);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        try (Admin admin = admin()) {
            Config before = describe(admin, resource);
            require(before.get("max.message.bytes").isDefault(), "max.message.bytes is not a default");
            require(before.entries().size() >= 25, "only " + before.entries().size() + " settings");
            admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET),
                new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
            Config after = describe(admin, resource);
            equal("2000", after.get("max.message.bytes").value(), "max.message.bytes");
            equal(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, after.get("max.message.bytes").source(), "source");
            equal("delete,compact", after.get("cleanup.policy").value(), "cleanup.policy");
            try (Producer<String, String> producer = producer(Map.of())) {
                fails(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(name, "k", "x".repeat(5000))).get());
            }
            admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("max.message.bytes", ""), AlterConfigOp.OpType.DELETE)))).all().get();
            require(describe(admin, resource).get("max.message.bytes").isDefault(), "the override is still there");
            fails(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get());
            String node = admin.describeCluster().nodes().get().iterator().next().idString();
            Config broker = describe(admin, new ConfigResource(ConfigResource.Type.BROKER, node));
            require(broker.get("num.partitions") != null && broker.get("auto.create.topics.enable") != null, "broker settings");
        }
    }

    /** What kafka-configs.sh sends for brokers, their defaults (the empty name) and their loggers. */
    static void adminBrokerSettings() throws Exception {
        String setting = "log.message.timestamp.after.max.ms";
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, topic("broker-settings", 1));
        try (Admin admin = admin()) {
            String node = admin.describeCluster().nodes().get().iterator().next().idString();
            ConfigResource own = new ConfigResource(ConfigResource.Type.BROKER, node);
            ConfigResource all = new ConfigResource(ConfigResource.Type.BROKER, "");
            ConfigResource logger = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, node);
            admin.incrementalAlterConfigs(Map.of(all, set(setting, "3700000"), own, set(setting, "3800000"))).all().get();
            ConfigEntry found = describe(admin, topic).get("message.timestamp.after.max.ms");
            equal("3800000", found.value(), "the broker's value");
            equal(ConfigEntry.ConfigSource.DYNAMIC_BROKER_CONFIG, found.source(), "its source");
            equal("3800000 3700000 3600000", String.join(" ", describe(admin, own).get(setting).synonyms().stream()
                .map(ConfigEntry.ConfigSynonym::value).toList()), "values of the layers");
            require(describe(admin, all).entries().stream()
                .allMatch(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG), "cluster defaults");
            var delete = List.of(new AlterConfigOp(new ConfigEntry(setting, ""), AlterConfigOp.OpType.DELETE));
            admin.incrementalAlterConfigs(Map.of(own, delete, all, delete)).all().get();
            require(describe(admin, topic).get("message.timestamp.after.max.ms").isDefault(), "a dynamic value is still there");
            fails(InvalidRequestException.class, () -> admin.incrementalAlterConfigs(Map.of(own, set("node.id", "9"))).all().get());
            equal("INFO", describe(admin, logger).get("root").value(), "the log's level");
            admin.incrementalAlterConfigs(Map.of(logger, set("root", "WARN"))).all().get();
            equal("WARN", describe(admin, logger).get("root").value(), "the log's level");
            admin.incrementalAlterConfigs(Map.of(logger, set("root", "INFO"))).all().get();
        }
    }

    static List<AlterConfigOp> set(String name, String value) {
        return List.of(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET));
    }

    static Config describe(Admin admin, ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true))
            .all().get().get(resource);
    }

    static void adminRecords() throws Exception {
        String name = topic("records", 1);
        TopicPartition partition = new TopicPartition(name, 0);
        try (Admin admin = admin()) {
            try (Producer<String, String> producer = producer(Map.of())) {
                for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(name, 0, 1_700_000_000_000L + (i == 42 ? 1000 : i), "k", "v" + i)).get();
                var states = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
                equal(1, states.size(), "active producers");
                equal(99, states.get(0).lastSequence(), "last sequence");
            }
            equal(10L, admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(10))).lowWatermarks().get(partition).get().lowWatermark(), "low watermark");
            equal(10L, offset(admin, partition, OffsetSpec.earliest()), "earliest");
            equal(100L, offset(admin, partition, OffsetSpec.latest()), "latest");
            equal(42L, offset(admin, partition, OffsetSpec.maxTimestamp()), "largest timestamp");
            // The first record at or after the time in offset order: 42 carries a later time.
            equal(42L, offset(admin, partition, OffsetSpec.forTimestamp(1_700_000_000_050L)), "by time");
            fails(OffsetOutOfRangeException.class, () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1000))).all().get());
            int node = admin.describeCluster().nodes().get().iterator().next().id();
            long size = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node).values().iterator().next().replicaInfos().get(partition).size();
            require(size > 0, "the partition has no size");
            try (Consumer<String, String> consumer = consumer(null, Map.of("auto.offset.reset", "earliest"))) {
                consumer.assign(List.of(partition));
                consumer.seek(partition, 3);
                equal("v10", next(consumer).value(), "the first record after deletion");
            }
        }
    }

    static long offset(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset();
    }

    static void adminGroups() throws Exception {
        String name = topic("groups", 2), group = "admin-group-" + run;
        TopicPartition first = new TopicPartition(name, 0), second = new TopicPartition(name, 1);
        try (Admin admin = admin()) {
            try (Consumer<String, String> consumer = consumer(group, Map.of("client.id", "the-client"))) {
                consumer.subscribe(List.of(name));
                awaitAssignment(consumer, 2);
                ConsumerGroupDescription description = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
                equal(ConsumerGroupState.STABLE, description.state(), "state");
                MemberDescription member = description.members().iterator().next();
                equal("the-client", member.clientId(), "client id");
                equal(Set.of(first, second), member.assignment().topicPartitions(), "assignment");
                require(admin.listConsumerGroups().all().get().stream().anyMatch(listing -> listing.groupId().equals(group)), "listing");
                fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
                fails(UnknownMemberIdException.class, () -> admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(1))).all().get());
            }
            admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(7), second, new OffsetAndMetadata(8, "note"))).all().get();
            Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            equal(7L, offsets.get(first).offset(), "offset");
            equal("note", offsets.get(second).metadata(), "metadata");
            admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get();
            require(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(first) == null, "the offset is still there");
            admin.deleteConsumerGroups(List.of(group)).all().get();
            require(admin.listConsumerGroups().all().get().stream().noneMatch(listing -> listing.groupId().equals(group)), "the group is still listed");
            fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
        }
    }

    static void adminCluster() throws Exception {
        try (Admin admin = admin()) {
            DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
            equal(1, cluster.nodes().get().size(), "nodes");
            require(!cluster.clusterId().get().isEmpty(), "cluster id");
            equal(cluster.nodes().get().iterator().next(), cluster.controller().get(), "controller");
            require(!cluster.authorizedOperations().get().isEmpty(), "operations");
        }
    }

    static void adminErrors() throws Exception {
        String name = topic("errors", 1);
        try (Admin admin = admin()) {
            fails(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get());
            fails(InvalidReplicationFactorException.class, () -> admin.createTopics(List.of(new NewTopic(name + "-r", 1, (short) 3))).all().get());
            fails(InvalidPartitionsException.class, () -> admin.createTopics(List.of(new NewTopic(name + "-p", 0, (short) 1))).all().get());
            fails(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("bad name!", 1, (short) 1))).all().get());
            fails(InvalidConfigurationException.class, () -> admin.createTopics(List.of(new NewTopic(name + "-c", 1, (short) 1).configs(Map.of("no.such", "1")))).all().get());
            fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of(name, NewPartitions.increaseTo(1))).all().get());
            fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(name + "-missing")).all().get());
            fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(name + "-missing")).all().get());
            fails(SecurityDisabledException.class, () -> admin.describeAcls(org.apache.kafka.common.acl.AclBindingFilter.ANY).values().get());
        }
    }

    // Tools

    static Producer<String, String> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "delivery.timeout.ms", "30000", "request.timeout.ms", "10000"));
        all.putAll(settings);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    static Consumer<String, String> consumer(String group, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", "false", "auto.offset.reset", "earliest"));
        if (group != null) all.put("group.id", group);
        all.putAll(settings);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", bootstrap, "request.timeout.ms", "10000", "default.api.timeout.ms", "20000"));
    }

    static String topic(String kind, int partitions) throws Exception {
        String name = "java-" + kind + "-" + run + "-" + System.nanoTime() % 1_000_000;
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
        }
        return name;
    }

    static List<TopicPartition> partitions(String topic, int count) {
        return IntStream.range(0, count).mapToObj(number -> new TopicPartition(topic, number)).collect(Collectors.toList());
    }

    static ConsumerRecord<String, String> next(Consumer<String, String> consumer) {
        long deadline = deadline(30);
        while (System.nanoTime() < deadline) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) return record;
        }
        throw new AssertionError("no record within 30 s");
    }

    static List<ConsumerRecord<String, String>> readAll(Consumer<String, String> consumer, String topic, int partitions, int count) {
        consumer.assign(partitions(topic, partitions));
        consumer.seekToBeginning(consumer.assignment());
        List<ConsumerRecord<String, String>> read = new ArrayList<>();
        long deadline = deadline(30);
        while (read.size() < count && System.nanoTime() < deadline) consumer.poll(Duration.ofMillis(200)).forEach(read::add);
        equal(count, read.size(), "records read");
        return read;
    }

    static void awaitAssignment(Consumer<String, String> consumer, int count) throws Exception {
        await(count + " partitions are assigned", () -> {
            consumer.poll(Duration.ofMillis(100));
            return consumer.assignment().size() == count;
        });
    }

    static void await(String what, Callable<Boolean> condition) throws Exception {
        long deadline = deadline(45);
        while (!condition.call()) {
            require(System.nanoTime() < deadline, "not within 45 s: " + what);
            Thread.sleep(20);
        }
    }

    static long deadline(int seconds) { return System.nanoTime() + seconds * 1_000_000_000L; }

    static void require(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static void equal(Object expected, Object found, String what) {
        require(expected.equals(found), what + ": expected " + abbreviated(expected) + ", found " + abbreviated(found));
    }

    static String abbreviated(Object value) {
        String text = String.valueOf(value);
        return text.length() > 200 ? text.substring(0, 200) + "…" : text;
    }

    static void fails(Class<? extends Exception> expected, Check action) throws Exception {
        try {
            action.run();
        } catch (Exception error) {
            Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
            require(expected.isInstance(cause), "expected " + expected.getSimpleName() + ", got " + cause);
            return;
        }
        throw new AssertionError("expected " + expected.getSimpleName() + ", but it succeeded");
    }
}
