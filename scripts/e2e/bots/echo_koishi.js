// A Koishi that answers `ping X` with `pong X`, for the end-to-end tests.
//
// usage: echo_koishi.js ws|ws-reverse '<json options of adapter-onebot>'
//
// PORT is where it listens in ws-reverse mode. There is no handler for uncaught errors on purpose: a frame that
// kills Koishi must kill the test too.
// Lines that the tests wait for: READY, CONNECTED <self id>, GOT <text>, SENT <message ids>, GONE <self id>.

'use strict'

const { Context } = require('koishi')

const mode = process.argv[2]
const options = { selfId: '10001', ...JSON.parse(process.argv[3] || '{}') }
const ONLINE = 1 // Universal.Status.ONLINE

const say = (...words) => process.stdout.write(words.join(' ') + '\n')

const app = new Context()
// Without plugin-http the adapter waits for ever and says nothing.
app.plugin(require('@koishijs/plugin-http').default)
if (mode === 'ws-reverse') {
  app.plugin(require('@koishijs/plugin-server').default, { host: '127.0.0.1', port: Number(process.env.PORT) })
}
app.plugin(require('koishi-plugin-adapter-onebot').default, { protocol: mode, ...options })

const online = new Set()
app.on('bot-status-updated', (bot) => {
  if (bot.status === ONLINE && !online.has(bot.selfId)) {
    online.add(bot.selfId)
    say('CONNECTED', bot.selfId)
  } else if (bot.status !== ONLINE && online.delete(bot.selfId)) {
    say('GONE', bot.selfId)
  }
})

app.middleware(async (session) => {
  const text = session.elements.filter((e) => e.type === 'text').map((e) => e.attrs.content).join('').trim()
  say('GOT', text)
  if (text.startsWith('ping ')) say('SENT', await session.send('pong ' + text.slice(5)))
})

app.on('ready', () => say('READY'))
app.start()
