// A Koishi that answers `ping X` with `pong X`, for the end-to-end tests. A picture with the text `and back` is fetched by its
// address in the event and sent back twice: by its bytes, then by that address.
//
// usage: echo_koishi.js ws|ws-reverse|http '<json options of adapter-onebot>'
//
// PORT is where it listens in ws-reverse and http mode. MEND names a plugin to load before the adapter. HELLO is what it says to
// user 20002 as soon as it is online, without having heard an event. There is no handler for uncaught errors on purpose: a frame that
// kills Koishi must kill the test too.
// Lines that the tests wait for: READY, CONNECTED <self id>, GOT <text>, SENT <message ids>, FETCHED <bytes>, GONE <self id>.

'use strict'

const { Context, h } = require('koishi')

const mode = process.argv[2]
const options = { selfId: '10001', ...JSON.parse(process.argv[3] || '{}') }
const ONLINE = 1 // Universal.Status.ONLINE

const say = (...words) => process.stdout.write(words.join(' ') + '\n')

const app = new Context()
// Without plugin-http the adapter waits for ever and says nothing.
app.plugin(require('@koishijs/plugin-http').default)
if (mode !== 'ws') {
  app.plugin(require('@koishijs/plugin-server').default, { host: '127.0.0.1', port: Number(process.env.PORT) })
}
if (process.env.MEND) app.plugin(require(process.env.MEND))
app.plugin(require('koishi-plugin-adapter-onebot').default, { protocol: mode, ...options })

const online = new Set()
app.on('bot-status-updated', (bot) => {
  if (bot.status === ONLINE && !online.has(bot.selfId)) {
    online.add(bot.selfId)
    say('CONNECTED', bot.selfId)
    if (process.env.HELLO) bot.sendPrivateMessage('20002', process.env.HELLO).then((ids) => say('SENT', ids))
  } else if (bot.status !== ONLINE && online.delete(bot.selfId)) {
    say('GONE', bot.selfId)
  }
})

app.middleware(async (session) => {
  const text = session.elements.filter((e) => e.type === 'text').map((e) => e.attrs.content).join('').trim()
  say('GOT', text)
  if (text.startsWith('ping ')) say('SENT', await session.send('pong ' + text.slice(5)))
  if (text !== 'and back') return
  for (const picture of session.elements.filter((e) => e.type === 'img')) {
    const data = Buffer.from(await app.http.get(picture.attrs.src, { responseType: 'arraybuffer' }))
    say('FETCHED', data.length)
    say('SENT', await session.send(h.image(data, 'image/png')))
    say('SENT', await session.send(h.image(picture.attrs.src)))
  }
})

app.on('ready', () => say('READY'))
app.start()
