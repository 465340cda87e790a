// What a team with sarama does, against a running broker: `suite HOST:PORT`.
//
// Each check is a function of its own, makes topics and groups of its own and says "ok" or "FAILED" with the reason.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/Shopify/sarama"
)

var (
	brokers []string
	run     = fmt.Sprint(time.Now().UnixNano())
)

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V2_1_0_0
	c.ClientID = "chronik-go-suite"
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Consumer.Return.Errors = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	// Without it sarama 1.22 commits with OffsetCommit v1, which Kafka 4 does not know any more.
	c.Consumer.Offsets.Retention = 24 * time.Hour
	return c
}

func main() {
	brokers = os.Args[1:2]
	checks := []struct {
		name string
		run  func() error
	}{
		{"codec none", func() error { return codec(sarama.CompressionNone) }},
		{"codec gzip", func() error { return codec(sarama.CompressionGZIP) }},
		{"codec snappy", func() error { return codec(sarama.CompressionSnappy) }},
		{"codec lz4", func() error { return codec(sarama.CompressionLZ4) }},
		{"codec zstd", func() error { return codec(sarama.CompressionZSTD) }},
		{"idempotent producer", idempotent},
		{"pipelined producer", pipelined},
		{"null keys and values", nulls},
		{"offsets by time", byTime},
		{"group with rebalances", group},
		{"commits", commits},
		{"admin", admin},
		{"old versions", oldVersions},
	}
	passed, failed := 0, 0
	for _, check := range checks {
		start := time.Now()
		done := make(chan error, 1)
		go func() {
			defer func() {
				if r := recover(); r != nil {
					done <- fmt.Errorf("panic: %v", r)
				}
			}()
			done <- check.run()
		}()
		var err error
		select {
		case err = <-done:
		case <-time.After(2 * time.Minute):
			err = fmt.Errorf("not done after two minutes")
		}
		word := "ok"
		if err != nil {
			word = "FAILED"
			failed++
		} else {
			passed++
		}
		fmt.Printf("%-6s %6.1f s  %s\n", word, time.Since(start).Seconds(), check.name)
		if err != nil {
			fmt.Printf("       %v\n", err)
		}
	}
	fmt.Printf("go: %d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// topic creates one and gives its name.
func topic(kind string, partitions int32) (string, error) {
	name := fmt.Sprintf("go-%s-%s-%d", kind, run, time.Now().UnixNano()%1000000)
	cluster, err := sarama.NewClusterAdmin(brokers, config())
	if err != nil {
		return "", err
	}
	defer cluster.Close()
	return name, cluster.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false)
}

// read takes count records of a partition from its first offset on.
func read(c *sarama.Config, name string, partition int32, count int) ([]*sarama.ConsumerMessage, error) {
	consumer, err := sarama.NewConsumer(brokers, c)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	part, err := consumer.ConsumePartition(name, partition, sarama.OffsetOldest)
	if err != nil {
		return nil, err
	}
	defer part.Close()
	var messages []*sarama.ConsumerMessage
	for len(messages) < count {
		select {
		case message := <-part.Messages():
			messages = append(messages, message)
		case err := <-part.Errors():
			return nil, err
		case <-time.After(20 * time.Second):
			return nil, fmt.Errorf("%d of %d records after 20 s of silence", len(messages), count)
		}
	}
	return messages, nil
}

func codec(codec sarama.CompressionCodec) error {
	name, err := topic("codec", 1)
	if err != nil {
		return err
	}
	c := config()
	c.Producer.Compression = codec
	return roundTrip(c, name, 2000)
}

func idempotent() error {
	name, err := topic("idempotent", 1)
	if err != nil {
		return err
	}
	c := config()
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	return roundTrip(c, name, 5000)
}

func pipelined() error {
	name, err := topic("pipelined", 1)
	if err != nil {
		return err
	}
	c := config()
	c.Net.MaxOpenRequests = 20
	c.Producer.Flush.MaxMessages = 10
	return roundTrip(c, name, 5000)
}

// oldVersions: the client speaks as to Kafka 0.11, the oldest with today's record batches.
func oldVersions() error {
	name, err := topic("old", 1)
	if err != nil {
		return err
	}
	c := config()
	c.Version = sarama.V0_11_0_0
	return roundTrip(c, name, 500)
}

func roundTrip(c *sarama.Config, name string, count int) error {
	producer, err := sarama.NewAsyncProducer(brokers, c)
	if err != nil {
		return err
	}
	go func() {
		for i := 0; i < count; i++ {
			producer.Input() <- &sarama.ProducerMessage{
				Topic: name, Key: sarama.StringEncoder(fmt.Sprint(i)), Value: sarama.StringEncoder(value(i)),
				Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(fmt.Sprint(i))}},
			}
		}
	}()
	for i := 0; i < count; i++ {
		select {
		case <-producer.Successes():
		case err := <-producer.Errors():
			return err
		case <-time.After(30 * time.Second):
			return fmt.Errorf("%d of %d records acknowledged after 30 s of silence", i, count)
		}
	}
	if err := producer.Close(); err != nil {
		return err
	}
	messages, err := read(c, name, 0, count)
	if err != nil {
		return err
	}
	for i, message := range messages {
		if message.Offset != int64(i) || string(message.Key) != fmt.Sprint(i) || string(message.Value) != value(i) {
			return fmt.Errorf("record %d came back as offset %d, key %q", i, message.Offset, message.Key)
		}
		if len(message.Headers) != 1 || string(message.Headers[0].Value) != fmt.Sprint(i) {
			return fmt.Errorf("the headers of record %d changed", i)
		}
	}
	return nil
}

func value(i int) string { return strings.Repeat(fmt.Sprintf("value %d ", i), 1+i%40) }

func nulls() error {
	name, err := topic("nulls", 1)
	if err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(brokers, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	for _, message := range []*sarama.ProducerMessage{
		{Topic: name},
		{Topic: name, Key: sarama.ByteEncoder{}, Value: sarama.ByteEncoder{}},
		{Topic: name, Key: sarama.StringEncoder("k")},
	} {
		if _, _, err := producer.SendMessage(message); err != nil {
			return err
		}
	}
	messages, err := read(config(), name, 0, 3)
	if err != nil {
		return err
	}
	if messages[0].Key != nil || messages[0].Value != nil {
		return fmt.Errorf("null became %q, %q", messages[0].Key, messages[0].Value)
	}
	if messages[1].Key == nil || messages[1].Value == nil {
		return fmt.Errorf("empty became null")
	}
	if !bytes.Equal(messages[2].Key, []byte("k")) || messages[2].Value != nil {
		return fmt.Errorf("a tombstone became %q, %q", messages[2].Key, messages[2].Value)
	}
	return nil
}

func byTime() error {
	name, err := topic("time", 1)
	if err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(brokers, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := 0; i < 200; i++ {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: name, Value: sarama.StringEncoder("v"), Timestamp: start.Add(time.Duration(i) * time.Second)})
		if err != nil {
			return err
		}
	}
	client, err := sarama.NewClient(brokers, config())
	if err != nil {
		return err
	}
	defer client.Close()
	for _, wanted := range []struct{ time, offset int64 }{
		{sarama.OffsetOldest, 0}, {sarama.OffsetNewest, 200}, {start.UnixNano() / 1e6, 0},
		{start.Add(99500*time.Millisecond).UnixNano() / 1e6, 100}, {start.Add(199*time.Second).UnixNano() / 1e6, 199},
		{start.Add(time.Hour).UnixNano() / 1e6, -1},
	} {
		offset, err := client.GetOffset(name, 0, wanted.time)
		if err != nil {
			return err
		}
		if offset != wanted.offset {
			return fmt.Errorf("time %d: offset %d, expected %d", wanted.time, offset, wanted.offset)
		}
	}
	return nil
}

func admin() error {
	cluster, err := sarama.NewClusterAdmin(brokers, config())
	if err != nil {
		return err
	}
	defer cluster.Close()
	name := "go-admin-" + run
	retention := "3600000"
	detail := &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &retention}}
	if err := cluster.CreateTopic(name, detail, true); err != nil {
		return fmt.Errorf("validating: %v", err)
	}
	if err := cluster.CreateTopic(name, detail, false); err != nil {
		return fmt.Errorf("creating: %v", err)
	}
	if err := cluster.CreateTopic(name, detail, false); err == nil || !strings.Contains(err.Error(), "already exists") {
		return fmt.Errorf("creating twice: %v", err)
	}
	if err := cluster.CreatePartitions(name, 4, nil, false); err != nil {
		return fmt.Errorf("more partitions: %v", err)
	}
	// ListTopics and DescribeConfig of sarama 1.22 use DescribeConfigs v0, which Kafka 4 does not know any more.
	client, err := sarama.NewClient(brokers, config())
	if err != nil {
		return err
	}
	defer client.Close()
	if partitions, err := client.Partitions(name); err != nil || len(partitions) != 4 {
		return fmt.Errorf("partitions %v, %v", partitions, err)
	}
	longer := "7200000"
	if err := cluster.AlterConfig(sarama.TopicResource, name, map[string]*string{"retention.ms": &longer}, false); err != nil {
		return fmt.Errorf("altering: %v", err)
	}
	producer, err := sarama.NewSyncProducer(brokers, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := 0; i < 20; i++ {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: name, Key: sarama.StringEncoder("same"), Value: sarama.StringEncoder("v")}); err != nil {
			return err
		}
	}
	if err := cluster.DeleteTopic(name); err != nil {
		return fmt.Errorf("deleting: %v", err)
	}
	return nil
}
