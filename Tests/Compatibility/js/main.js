// What a team with kafkajs does, against a running broker: `node main.js KAFKAJS HOST:PORT [ONLY]`.
//
// KAFKAJS is the directory of the client, ONLY a part of a check's name. Each check makes topics and groups of its own and
// says "ok" or "FAILED" with the reason.
'use strict'

const harness = require('./harness')

async function main([directory, bootstrap, only = '']) {
  const suite = harness.suite(directory, bootstrap)
  const checks = [require('./producing'), require('./groups'), require('./administration')].flatMap(each => each(suite))
  let passed = 0
  let failed = 0
  for (const [name, run] of checks.filter(([name]) => name.includes(only))) {
    const start = Date.now()
    let reason = null
    try {
      await harness.within(120_000, run(), 'not done after two minutes')
    } catch (error) {
      reason = error
    }
    await suite.disconnectAll()
    console.log(`${reason ? 'FAILED' : 'ok    '} ${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`)
    if (reason) console.log(`       ${reason.stack ?? reason}`)
    if (reason) failed += 1
    else passed += 1
  }
  console.log(`js: ${passed} passed, ${failed} failed`)
  process.exit(failed > 0 || passed === 0 ? 1 : 0)
}

main(process.argv.slice(2))
