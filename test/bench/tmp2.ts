import { startShopbell } from './shopbell.ts'
const s = await startShopbell({ n: 600 })
const url = await (s as any).inspector()
console.error(String(url))
const ws = new WebSocket(url, { headers: { Origin: 'http://localhost' } } as any)
ws.addEventListener('message', (e:any)=>{ const m=String(e.data); if (!m.includes('consoleAPI')&&!m.includes('chunk')) console.error(m.slice(0,300)) })
await new Promise(r=>ws.addEventListener('open', r as any))
let id=0
for (const m of process.argv.slice(2)) { console.error('>', m); ws.send(JSON.stringify({id:++id, method:m})); await new Promise(r=>setTimeout(r,1500)); await s.order('look').then(()=>console.error('look ok')) }
await s.close(); process.exit(0)
