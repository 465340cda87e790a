// Groups: rebalances while members come and go, commits, seeks, pauses.
'use strict'

const assert = require('assert')
const { until } = require('./harness')

module.exports = suite => {
  async function fill(topic, from, to) {
    const producer = await suite.producer()
    const messages = []
    for (let number = from; number < to; number += 1) messages.push({ key: `${number}`, value: `${number}` })
    await producer.send({ topic, messages })
  }

  const values = consumers => consumers.flatMap(consumer => consumer.seen.map(each => Number(`${each.value}`)))
  const partitions = consumers => consumers.flatMap(consumer => consumer.assigned).sort()

  async function rebalances() {
    const topic = await suite.topic('rebalance', 6)
    const groupId = suite.name('group')
    const all = [...Array(6).keys()]
    await fill(topic, 0, 600)
    const one = await suite.consumer(topic, { groupId })
    await until(() => partitions([one]).join() === all.join(), `the first has ${partitions([one])}`)
    const two = await suite.consumer(topic, { groupId })
    const three = await suite.consumer(topic, { groupId })
    const group = [one, two, three]
    await until(
      () => partitions(group).join() === all.join() && group.every(each => each.assigned.length === 2),
      `three have ${group.map(each => each.assigned)}`)
    await fill(topic, 600, 1200)
    await until(() => new Set(values(group)).size === 1200, `${new Set(values(group)).size} of 1200 seen`)
    // One leaves, its partitions go to the others, and nothing is lost.
    await two.disconnect()
    await until(() => partitions([one, three]).join() === all.join(), `two have ${partitions([one, three])}`)
    await fill(topic, 1200, 1800)
    await until(() => new Set(values(group)).size === 1800, `${new Set(values(group)).size} of 1800 seen`)
    await one.disconnect()
    await until(() => partitions([three]).join() === all.join(), `the last has ${partitions([three])}`)
  }

  async function commits() {
    const topic = await suite.topic('commits')
    const groupId = suite.name('group')
    await fill(topic, 0, 10)
    const first = await suite.consumer(topic, { groupId }, { autoCommit: false })
    await until(() => first.seen.length === 10, 'ten records')
    await first.commitOffsets([{ topic, partition: 0, offset: '7', metadata: 'up to seven' }])
    await first.disconnect()
    const admin = await suite.admin()
    const [{ partitions: [committed] }] = await admin.fetchOffsets({ groupId, topics: [topic] })
    assert.deepStrictEqual(committed, { partition: 0, offset: '7', metadata: 'up to seven' })
    const everything = await admin.fetchOffsets({ groupId })
    assert.deepStrictEqual(everything, [{ topic, partitions: [committed] }])
    const second = await suite.consumer(topic, { groupId })
    await until(() => second.seen.length >= 3, 'the rest')
    assert.deepStrictEqual(values([second]), [7, 8, 9])
  }

  async function seeks() {
    const topic = await suite.topic('seeks')
    await fill(topic, 0, 50)
    const consumer = await suite.consumer(topic, { groupId: suite.name('group') })
    await until(() => consumer.seen.length === 50, 'everything once')
    consumer.seek({ topic, partition: 0, offset: '45' })
    await until(() => consumer.seen.length === 55, 'five again')
    assert.deepStrictEqual(values([consumer]).slice(50), [45, 46, 47, 48, 49])
    // Beyond the end: reset to where the subscription says.
    consumer.seek({ topic, partition: 0, offset: '99999' })
    await until(() => consumer.seen.length >= 105, 'from the beginning')
    assert.strictEqual(values([consumer])[55], 0)
  }

  async function pauses() {
    const topic = await suite.topic('pauses', 2)
    const consumer = await suite.consumer(topic, { groupId: suite.name('group') })
    await until(() => consumer.assigned.length === 2, 'an assignment')
    consumer.pause([{ topic, partitions: [0] }])
    const producer = await suite.producer()
    const both = ['a', 'b'].flatMap(value => [0, 1].map(partition => ({ value, partition })))
    await producer.send({ topic, messages: both })
    await until(() => consumer.seen.length === 2, 'one partition')
    assert.deepStrictEqual(consumer.seen.map(each => each.partition), [1, 1])
    consumer.resume([{ topic, partitions: [0] }])
    await until(() => consumer.seen.length === 4, 'both partitions')
  }

  async function batches() {
    const topic = await suite.topic('batches')
    await fill(topic, 0, 500)
    const marks = []
    const consumer = await suite.consumer(topic, { groupId: suite.name('group') }, {
      eachMessage: undefined,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }) => {
        marks.push({ high: Number(batch.highWatermark), last: Number(batch.lastOffset()) })
        for (const message of batch.messages) {
          consumer.seen.push(message)
          resolveOffset(message.offset)
        }
        await heartbeat()
        await commitOffsetsIfNecessary()
      },
    })
    await until(() => consumer.seen.length === 500, `${consumer.seen.length} of 500`)
    for (const { high, last } of marks) assert(high === 500 && last < high, `high ${high}, last ${last}`)
  }

  /** A consumer that is closed while its long poll waits does not wait for the poll's end. */
  async function closing() {
    const topic = await suite.topic('closing')
    const consumer = await suite.consumer(topic, { groupId: suite.name('group'), maxWaitTimeInMs: 5000 })
    await until(() => consumer.assigned.length === 1, 'an assignment')
    await consumer.disconnect()
    const again = await suite.consumer(topic, { groupId: suite.name('group') })
    await until(() => again.assigned.length === 1, 'the broker serves others')
  }

  return [
    ['group with rebalances', rebalances],
    ['commits', commits],
    ['seeks', seeks],
    ['pause and resume', pauses],
    ['batches with manual resolution', batches],
    ['closing during a long poll', closing],
  ]
}
