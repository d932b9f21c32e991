import { startShopbell } from './shopbell.ts'
const t0 = Date.now()
const t = (x: string) => console.error(Date.now() - t0, x)
const s = await startShopbell({ n: Number(process.argv[2]) })
t('started')
try {
	const r = await s.learn()
	t('learned')
	console.dir(r, { depth: 5 })
	console.dir(await s.counts(), { depth: 5 })
	t('heap ' + (await s.heap()))
	for (let i = 0; i < 6; i++) {
		await s.order('look')
		let q = 0
		await s.poll({
			before: async () => {
				await s.evict()
				await s.counts()
				q = s.store.requests
			},
		})
		console.dir([s.store.requests - q, await s.counts()], { depth: 5 })
	}
	t('idle')
} finally {
	await s.close()
	t('closed')
}
process.exit(0)
