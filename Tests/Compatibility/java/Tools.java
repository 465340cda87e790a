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

/** What the checks have in common: clients, topics, waiting and comparing. */
class Tools {
    interface Check { void run() throws Exception; }

    static String bootstrap;
    static final String run = Long.toString(System.nanoTime(), 36);

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
