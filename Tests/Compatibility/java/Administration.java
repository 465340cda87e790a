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

/** What tools and applications do with the admin client. */
class Administration extends Tools {
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
}
