// Producing and reading back.
'use strict'

const assert = require('assert')
const { until } = require('./harness')

module.exports = suite => {
  const { CompressionTypes } = suite

  async function codec(compression) {
    const topic = await suite.topic('codec', 3)
    const producer = await suite.producer()
    const sent = []
    for (let round = 0; round < 5; round += 1) {
      const messages = []
      for (let number = 0; number < 200; number += 1) {
        const key = `k${round}-${number}`
        messages.push({ key, value: `${key} `.repeat(20), headers: { round: `${round}` } })
        sent.push(key)
      }
      const answers = await producer.send({ topic, acks: -1, compression, messages })
      for (const answer of answers) assert.strictEqual(answer.errorCode, 0)
    }
    const consumer = await suite.consumer(topic, { groupId: suite.name('codec') })
    await until(() => consumer.seen.length >= sent.length, `${consumer.seen.length} of ${sent.length} came back`)
    assert.deepStrictEqual(consumer.seen.map(each => `${each.key}`).sort(), sent.sort())
    for (const { key, value, headers } of consumer.seen) {
      assert.strictEqual(`${value}`, `${key} `.repeat(20))
      assert.strictEqual(`${headers.round}`, `${key}`.slice(1).split('-')[0])
    }
    // Offsets are dense and in order in each partition.
    const next = {}
    for (const { partition, offset } of consumer.seen) {
      assert.strictEqual(Number(offset), next[partition] ?? 0)
      next[partition] = Number(offset) + 1
    }
  }

  async function nulls() {
    const topic = await suite.topic('nulls')
    const producer = await suite.producer()
    const time = '1600000000123'
    await producer.send({
      topic,
      messages: [
        { key: null, value: 'no key', timestamp: time }, { key: 'tombstone', value: null }, { key: '', value: '' },
        { key: 'h', value: 'h', headers: { empty: '', twice: ['a', 'b'], bytes: Buffer.from([0, 255]) } },
      ],
    })
    const { seen } = await readAll(topic, 4)
    assert.strictEqual(seen[0].key, null)
    assert.strictEqual(seen[0].timestamp, time)
    assert.strictEqual(seen[1].value, null)
    assert.strictEqual(seen[2].value.length, 0)
    assert.deepStrictEqual(seen[3].headers.twice.map(String), ['a', 'b'])
    assert.deepStrictEqual([...seen[3].headers.bytes], [0, 255])
  }

  async function readAll(topic, count) {
    const consumer = await suite.consumer(topic, { groupId: suite.name('reader') })
    await until(() => consumer.seen.length >= count, `${consumer.seen.length} of ${count} came back`)
    return consumer
  }

  async function idempotent() {
    const topic = await suite.topic('idempotent')
    const producer = await suite.producer({ idempotent: true, maxInFlightRequests: 5 })
    const sends = []
    for (let number = 0; number < 300; number += 1) {
      sends.push(producer.send({ topic, acks: -1, messages: [{ value: `${number}` }] }))
    }
    await Promise.all(sends)
    const { seen } = await readAll(topic, 300)
    // The client decides about the order of sends that nobody waited for; each must be there once.
    const numbers = seen.map(each => Number(`${each.value}`)).sort((a, b) => a - b)
    assert.deepStrictEqual(numbers, [...Array(300).keys()])
  }

  async function acks() {
    const topic = await suite.topic('acks')
    const producer = await suite.producer()
    await producer.send({ topic, acks: 0, messages: [{ value: 'nobody answers' }] })
    const [one] = await producer.send({ topic, acks: 1, messages: [{ value: 'the leader' }] })
    const [all] = await producer.send({ topic, acks: -1, messages: [{ value: 'all' }] })
    assert.strictEqual(Number(all.baseOffset), Number(one.baseOffset) + 1)
    const { seen } = await readAll(topic, 3)
    assert.strictEqual(`${seen[2].value}`, 'all')
  }

  async function tooLarge() {
    const topic = await suite.topic('large', 1, [{ name: 'max.message.bytes', value: '2000' }])
    const producer = await suite.producer()
    await assert.rejects(
      producer.send({ topic, messages: [{ value: 'x'.repeat(5000) }] }), error => error.type === 'MESSAGE_TOO_LARGE')
    await producer.send({ topic, messages: [{ value: 'small' }] })
  }

  async function severalTopics() {
    const topics = [await suite.topic('several', 2), await suite.topic('several', 2), suite.name('made-on-first-use')]
    const producer = await suite.producer()
    await producer.sendBatch({ topicMessages: topics.map(topic => ({ topic, messages: [{ value: topic }] })) })
    for (const topic of topics) {
      const { seen } = await readAll(topic, 1)
      assert.strictEqual(`${seen[0].value}`, topic)
    }
  }

  return [
    ['codec none', () => codec(CompressionTypes.None)],
    ['codec gzip', () => codec(CompressionTypes.GZIP)],
    ['null keys and values, headers, timestamps', nulls],
    ['idempotent producer, pipelined', idempotent],
    ['acks 0, 1 and all', acks],
    ['a message that is too large', tooLarge],
    ['one request for several topics', severalTopics],
  ]
}
