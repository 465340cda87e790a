package main

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/Shopify/sarama"
)

// member is one consumer of a group.
type member struct {
	seen   *sync.Map
	lock   sync.Mutex
	claims []int32
	cancel context.CancelFunc
	done   chan error
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.claims = nil
	for _, partitions := range session.Claims() {
		m.claims = append(m.claims, partitions...)
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.claims = nil
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.seen.Store(string(message.Value), true)
		session.MarkMessage(message, "")
	}
	return nil
}

func (m *member) owned() []int32 {
	m.lock.Lock()
	defer m.lock.Unlock()
	return append([]int32(nil), m.claims...)
}

func join(group, name string, seen *sync.Map) (*member, error) {
	c := config()
	c.Consumer.Group.Session.Timeout = 10 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	consumer, err := sarama.NewConsumerGroup(brokers, group, c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{seen: seen, cancel: cancel, done: make(chan error, 1)}
	go func() {
		for range consumer.Errors() {
		}
	}()
	go func() {
		for ctx.Err() == nil {
			if err := consumer.Consume(ctx, []string{name}, m); err != nil && ctx.Err() == nil {
				m.done <- err
				return
			}
		}
		m.done <- consumer.Close()
	}()
	return m, nil
}

func (m *member) leave() error {
	m.cancel()
	select {
	case err := <-m.done:
		return err
	case <-time.After(30 * time.Second):
		return fmt.Errorf("a member does not leave")
	}
}

func group() error {
	const partitions = 6
	name, err := topic("group", partitions)
	if err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(brokers, config())
	if err != nil {
		return err
	}
	defer producer.Close()
	seen := &sync.Map{}
	var members []*member
	number := 0
	for _, size := range []int{1, 2, 3, 1, 2} {
		for len(members) < size {
			m, err := join("go-group-"+run, name, seen)
			if err != nil {
				return err
			}
			members = append(members, m)
		}
		for len(members) > size {
			if err := members[0].leave(); err != nil {
				return err
			}
			members = members[1:]
		}
		if err := eventually(fmt.Sprintf("every partition has one owner among %d", size), func() bool {
			var all []int
			for _, m := range members {
				owned := m.owned()
				if len(owned) == 0 {
					return false
				}
				for _, partition := range owned {
					all = append(all, int(partition))
				}
			}
			sort.Ints(all)
			return fmt.Sprint(all) == "[0 1 2 3 4 5]"
		}); err != nil {
			return err
		}
		first := number
		for ; number < first+100; number++ {
			if _, _, err := producer.SendMessage(&sarama.ProducerMessage{
				Topic: name, Key: sarama.StringEncoder(fmt.Sprint(number)), Value: sarama.StringEncoder(fmt.Sprint(number))}); err != nil {
				return err
			}
		}
		if err := eventually(fmt.Sprintf("everything is read by %d", size), func() bool {
			for i := 0; i < number; i++ {
				if _, ok := seen.Load(fmt.Sprint(i)); !ok {
					return false
				}
			}
			return true
		}); err != nil {
			return err
		}
	}
	for _, m := range members {
		if err := m.leave(); err != nil {
			return err
		}
	}
	return nil
}

func eventually(what string, condition func() bool) error {
	for deadline := time.Now().Add(45 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return nil
		}
	}
	return fmt.Errorf("not within 45 s: %s", what)
}

func commits() error {
	name, err := topic("commits", 1)
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(brokers, config())
	if err != nil {
		return err
	}
	defer client.Close()
	for round := int64(0); round < 3; round++ {
		manager, err := sarama.NewOffsetManagerFromClient("go-commits-"+run, client)
		if err != nil {
			return err
		}
		part, err := manager.ManagePartition(name, 0)
		if err != nil {
			return err
		}
		offset, metadata := part.NextOffset()
		if round == 0 && offset != sarama.OffsetOldest {
			return fmt.Errorf("a new group starts at %d", offset)
		}
		if round > 0 && (offset != round*10 || metadata != fmt.Sprintf("note %d", round)) {
			return fmt.Errorf("round %d: offset %d, metadata %q", round, offset, metadata)
		}
		part.MarkOffset((round+1)*10, fmt.Sprintf("note %d", round+1))
		part.Close()
		if err := manager.Close(); err != nil {
			return err
		}
	}
	return nil
}
